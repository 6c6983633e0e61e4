import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  runCommand,
  type RunningCommand,
  startCommand,
} from "../support/command.ts";
import { startTarget } from "./proxy-harness.ts";
import { ask, CA, http2Client, tlsClient, tlsFile } from "./secure-harness.ts";

function portOf(command: RunningCommand, scheme: "http" | "https"): number {
  const line = command.readyLines[0] ?? "";
  return Number(new RegExp(`${scheme}://[^:]+:(\\d+)`).exec(line)?.[1]);
}

async function serialOf(
  t: Parameters<typeof tlsClient>[0],
  port: number,
): Promise<string> {
  const socket = await tlsClient(t, port, { servername: "www.example" });
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

test("zoogate proxy serves HTTPS as its file says, and reads certificates again on SIGHUP", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-tls-command-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = await startTarget((_request, response) => {
    response.end("served");
  });
  t.after(target.close);
  const put = async (name: string) => {
    await copyFile(tlsFile(`${name}.pem`), join(folder, "cert.pem"));
    await copyFile(tlsFile(`${name}.key.pem`), join(folder, "key.pem"));
  };
  await put("www");
  await writeFile(
    join(folder, "zoogate.yaml"),
    `zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data: data
workers: 2
tls:
  listen: 127.0.0.1:0
  cert: [${tlsFile("default.pem")}, cert.pem]
  key: [${tlsFile("default.key.pem")}, key.pem]
  redirectHttp: true
  hstsSeconds: 60
services:
  www: {targets: ["http://127.0.0.1:${target.port}"]}
`,
  );
  await using command = await startCommand([
    "proxy",
    "--config",
    join(folder, "zoogate.yaml"),
  ]);
  const port = portOf(command, "https");
  const session = await http2Client(t, port);
  const reply = await ask(session, { ":path": "/" });
  assert.equal(reply.body.toString(), "served");
  assert.equal(reply.headers["strict-transport-security"], "max-age=60");
  const plain = await fetch(`http://127.0.0.1:${portOf(command, "http")}/x`, {
    redirect: "manual",
  });
  assert.equal(plain.headers.get("location"), `https://127.0.0.1:${port}/x`);

  const before = await serialOf(t, port);
  await writeFile(join(folder, "cert.pem"), "half of it");
  command.child.kill("SIGHUP");
  await command.until(
    () => /half|certificates stay/.test(command.stderr),
    "the refusal",
  );
  assert.equal(await serialOf(t, port), before);
  await put("renewed");
  command.child.kill("SIGHUP");
  await command.until(
    () => /Certificates in force/.test(command.stderr),
    "new certificates",
  );
  let serial = before;
  for (let i = 0; serial === before && i < 100; i++)
    serial = await serialOf(t, port);
  assert.notEqual(serial, before);
  const next = await ask(session, { ":path": "/" });
  assert.equal(next.body.toString(), "served", "the old connection lives");
  session.destroy();

  const answer = await new Promise<string>((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port, ca: CA, servername: "localhost" },
      (response) => resolve(`${response.statusCode} ${response.httpVersion}`),
    );
    asked.on("error", reject);
    asked.end();
  });
  assert.equal(answer, "200 1.1");
});

test("zoogate proxy says what is missing for HTTPS", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--tls-listen", ":0"], /there is no certificate/],
    [["--tls-cert", "a"], /1 certificates and 0 keys/],
    [["--redirect-http"], /nothing listens/],
    [["--tls-listen", "443"], /--tls-listen "443": it should be HOST:PORT/],
  ];
  await Promise.all(
    cases.map(async ([flags, message]) => {
      const { code, stderr } = await runCommand(["proxy", ...flags]);
      assert.equal(code, 1);
      assert.match(stderr, message);
    }),
  );
});
