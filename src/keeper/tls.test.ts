import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect } from "node:tls";
import { startKeeper } from "./index.ts";
import { connectBytes, RawClient } from "./raw-client.fixture.ts";

interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate; undefined where openssl is missing. */
function certificate(): Certificate | undefined {
  const folder = mkdtempSync(join(tmpdir(), "keeper-tls-"));
  try {
    const keyFile = join(folder, "key.pem");
    const certFile = join(folder, "cert.pem");
    const { status } = spawnSync(
      "openssl",
      [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes",
        `-days 2 -subj /CN=localhost -keyout ${keyFile} -out ${certFile}`,
        "-addext subjectAltName=DNS:localhost",
      ].flatMap((line) => line.split(" ")),
    );
    if (status !== 0) return undefined;
    return {
      key: readFileSync(keyFile, "utf8"),
      cert: readFileSync(certFile, "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const pem = certificate();
const skip = pem === undefined ? "openssl is not installed" : false;

async function securely(
  port: number,
  options: { readonly key?: string; readonly cert?: string } = {},
): Promise<RawClient | undefined> {
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ...(pem === undefined ? {} : { ca: pem.cert }),
    ...options,
  });
  const client = new RawClient(socket);
  await Promise.race([once(socket, "secureConnect"), once(socket, "close")]);
  client.sendFrame(connectBytes({}));
  return (await client.nextBody()) === undefined ? undefined : client;
}

describe("the keeper's TLS port", () => {
  test("serves the same tree as the plain one", { skip }, async () => {
    assert.ok(pem);
    await using keeper = await startKeeper({ tls: { port: 0, ...pem } });
    await using plain = await RawClient.connect(keeper.port);
    await plain.create("/a");
    await using client = await securely(keeper.tlsPort ?? 0);
    assert.ok(client);
    assert.equal((await client.create("/a/b")).err, 0);
  });

  test(
    "wants a client certificate when it is given a CA",
    { skip },
    async () => {
      assert.ok(pem);
      await using keeper = await startKeeper({
        tls: { port: 0, ...pem, ca: pem.cert },
      });
      assert.equal(await securely(keeper.tlsPort ?? 0), undefined);
      await using client = await securely(keeper.tlsPort ?? 0, pem);
      assert.ok(client);
    },
  );

  test("closes on what is no TLS, and serves on", { skip }, async () => {
    assert.ok(pem);
    await using keeper = await startKeeper({ tls: { port: 0, ...pem } });
    const socket = connectPlain({
      port: keeper.tlsPort ?? 0,
      host: "127.0.0.1",
    });
    socket.on("error", () => {});
    socket.resume();
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await once(socket, "close");
    await using client = await securely(keeper.tlsPort ?? 0);
    assert.ok(client);
  });
});
