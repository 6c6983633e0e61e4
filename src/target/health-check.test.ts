import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkOnce, healthTurns, parseHealthCheck } from "./health-check.ts";
import { TargetError } from "./target-error.ts";

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

describe("parseHealthCheck()", () => {
  it("parseHealthCheck() reads tcp or a path", () => {
    assert.deepEqual(parseHealthCheck("tcp"), { kind: "tcp" });
    assert.deepEqual(parseHealthCheck("/healthz?a=1"), {
      kind: "http",
      path: "/healthz?a=1",
    });
    for (const text of ["", "healthz", "http://x/", "/a b", "/a\r\nX: y"])
      assert.throws(
        () => parseHealthCheck(text),
        (error) => error instanceof TargetError && error.code === "bad-check",
      );
  });
});

describe("checkOnce()", () => {
  it("checkOnce() tells good, refused, a bad status, a cut and silence apart", async () => {
    const http = createHttpServer((request, response) => {
      if (request.url === "/cut") request.socket.destroy();
      else if (request.url === "/silent") return;
      else
        response.writeHead(Number(request.url?.slice(1)), {
          Location: "/elsewhere",
        });
      response.end();
    });
    const port = await portOf(http);
    const addresses = [{ host: "127.0.0.1", port }];
    const outcome = async (path: string) => {
      const check = parseHealthCheck(path);
      const timeoutMs = path === "/silent" ? 50 : 2_000;
      const result = await checkOnce({ addresses, check, timeoutMs });
      return result.kind === "bad" ? result.because : result.kind;
    };
    assert.equal(await outcome("tcp"), "good");
    assert.equal(await outcome("/200"), "good");
    assert.equal(await outcome("/302"), "good");
    assert.equal(await outcome("/503"), "status");
    assert.equal(await outcome("/cut"), "cut");
    assert.equal(await outcome("/silent"), "timeout");
    http.closeAllConnections();
    http.close();
    await once(http, "close");
    assert.equal(await outcome("tcp"), "refused");
    assert.equal(await outcome("/200"), "refused");
  });

  it("checkOnce() is content with one of several addresses", async () => {
    await using server = createServer((socket) => socket.destroy());
    const port = await portOf(server);
    const good = { host: "127.0.0.1", port };
    const result = await checkOnce({
      addresses: [{ host: "127.0.0.1", port: 1 }, good],
      check: { kind: "tcp" },
    });
    assert.deepEqual(result, { kind: "good", address: good });
  });

  it("checkOnce() asks at a Unix socket, and takes its absence for a refusal", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "zoogate-check-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const socketPath = join(folder, "app.sock");
    const address = { host: "", port: 0, socketPath };
    const checks = ["tcp", "/up"].map(parseHealthCheck);
    for (const check of checks)
      assert.deepEqual(await checkOnce({ addresses: [address], check }), {
        kind: "refused",
      });
    await using server = createHttpServer((request, response) => {
      response.statusCode = request.headers.host === "localhost" ? 200 : 500;
      response.end();
    });
    server.listen(socketPath);
    await once(server, "listening");
    for (const check of checks)
      assert.deepEqual(await checkOnce({ addresses: [address], check }), {
        kind: "good",
        address,
      });
  });

  it("checkOnce() begins with a header of the PROXY protocol that speaks for nobody", async () => {
    const begins: string[] = [];
    await using server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (chunk: Buffer) => {
        begins.push(chunk.toString("latin1", 0, 15));
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
    });
    const addresses = [{ host: "127.0.0.1", port: await portOf(server) }];
    const check = parseHealthCheck("/up");
    const result = await checkOnce({ addresses, check, proxyProtocol: "v1" });
    assert.equal(result.kind, "good");
    await checkOnce({ addresses, check, proxyProtocol: "v2" });
    assert.deepEqual(begins, [
      "PROXY UNKNOWN\r\n",
      "\r\n\r\n\0\r\nQUIT\n\x20\0\0",
    ]);
  });
});

describe("healthTurns()", () => {
  it("healthTurns() ends with the signal's reason", async () => {
    await using server = createServer((socket) => socket.destroy());
    const port = await portOf(server);
    const stop = new AbortController();
    const reason = new Error("enough");
    const turns = healthTurns({
      addresses: [{ host: "127.0.0.1", port }],
      check: { kind: "tcp" },
      signal: stop.signal,
    });
    const first = await turns.next();
    assert.equal(first.value.kind, "up");
    const next = turns.next();
    stop.abort(reason);
    await assert.rejects(next, reason);
  });
});
