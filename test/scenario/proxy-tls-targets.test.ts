import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startCommand, urlOf } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { tlsFile } from "./secure-harness.ts";

/** A target that speaks HTTPS alone, and counts what it is asked. */
async function secureTarget(t: TestContext, certificate: string) {
  const seen = { requests: 0, connections: 0 };
  const server = createServer(
    {
      cert: readFileSync(tlsFile(`${certificate}.pem`)),
      key: readFileSync(tlsFile(`${certificate}.key.pem`)),
    },
    (request, response) => {
      seen.requests += 1;
      let bytes = 0;
      request.on("data", (piece: Buffer) => {
        bytes += piece.length;
      });
      request.on("end", () => response.end(`${bytes} ${"x".repeat(200_000)}`));
    },
  );
  server.on("secureConnection", () => {
    seen.connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port =
    typeof address === "object" && address !== null ? address.port : 0;
  return { seen, port };
}

async function configFile(
  t: TestContext,
  url: string,
  targetCa?: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-tls-target-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "zoogate.yaml");
  await writeFile(
    file,
    `zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data: data
workers: 1
${targetCa === undefined ? "" : `targetCa: ${targetCa}`}
services:
  www: {targets: ["${url}"], retry: {wait: 0s}}
`,
  );
  return file;
}

async function proxyTo(t: TestContext, url: string, env: NodeJS.ProcessEnv) {
  const file = await configFile(t, url);
  const command = await startCommand(["proxy", "--config", file], { env });
  t.after(() => command[Symbol.asyncDispose]());
  return urlOf(await command.ready());
}

const TRUSTED = { NODE_EXTRA_CA_CERTS: tlsFile("ca.pem") };

test("a target with an https url is asked inside TLS, over kept connections", async (t) => {
  const { port, seen } = await secureTarget(t, "default");
  const url = await proxyTo(t, `https://127.0.0.1:${port}`, TRUSTED);
  for (let i = 0; i < 5; i++) {
    const body = Buffer.alloc(300_000 * i);
    const reply = await fetch(url, { method: "PUT", body });
    assert.equal(reply.status, 200);
    const text = await reply.text();
    assert.ok(text.startsWith(`${body.length} xxx`));
    assert.equal(text.length, 200_001 + String(body.length).length);
  }
  assert.deepEqual(seen, { requests: 5, connections: 1 });
});

test("a target is asked nothing when its certificate is not good", async (t) => {
  const good = await secureTarget(t, "default");
  const other = await secureTarget(t, "www");
  const cases = [
    [`https://127.0.0.1:${good.port}`, {}],
    [`https://127.0.0.1:${other.port}`, TRUSTED],
    [`https://localhost:${other.port}`, TRUSTED],
  ] as const;
  for (const [target, env] of cases) {
    const reply = await fetch(await proxyTo(t, target, env));
    assert.equal(reply.status, 502, target);
  }
  assert.equal(good.seen.requests + other.seen.requests, 0);
});

test("a target may be signed by an authority that a file names, read again on SIGHUP", async (t) => {
  const { port } = await secureTarget(t, "default");
  const folder = await mkdtemp(join(tmpdir(), "zoogate-target-ca-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "ca.pem");
  await writeFile(file, readFileSync(tlsFile("www.pem"))); // of somebody else
  const command = await startCommand([
    "proxy",
    "--config",
    await configFile(t, `https://127.0.0.1:${port}`, file),
  ]);
  t.after(() => command[Symbol.asyncDispose]());
  const url = urlOf(await command.ready());
  assert.equal((await fetch(url)).status, 502);
  await writeFile(file, readFileSync(tlsFile("ca.pem")));
  command.child.kill("SIGHUP");
  await eventually(async () => {
    assert.equal((await fetch(url)).status, 200);
  });
});
