/**
 * Limits as their user sets them: flags, file and SIGHUP of the real command.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { RunningCommand, runCommand, urlOf } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";

const TWO = "127.0.0.2";

/** A file, a target, and the proxy that has them. */
async function ground(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-limits-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = createServer((_request, response) => response.end("ok"));
  target.on("error", () => {});
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  t.after(() => {
    target.close();
    target.closeAllConnections();
  });
  const address = target.address();
  assert.ok(address !== null && typeof address === "object");
  const file = join(folder, "zoogate.yaml");
  const write = (text: string, service = "") =>
    writeFile(
      file,
      `zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 2
data: state
services:
  www:
    targets: http://127.0.0.1:${address.port}
${service}${text}
`.replace(/targets: (\S+)/u, "targets: [$1]"),
    );
  return { file, write };
}

async function proxyOf(
  t: TestContext,
  file: string,
  flags: readonly string[] = [],
) {
  const command = new RunningCommand(["proxy", "--config", file, ...flags]);
  t.after(() => command[Symbol.asyncDispose]());
  const line = await command.ready();
  const admin = /admin (?<url>\S+)/u.exec(line)?.groups?.["url"] ?? "";
  return { command, url: urlOf(line), admin };
}

/** The status of a request from an address, or that it was cut off. */
async function statusFrom(
  url: string,
  localAddress = "127.0.0.1",
): Promise<number | "closed"> {
  try {
    return (await get(url, { agent: new Agent({ localAddress }) })).status;
  } catch {
    return "closed";
  }
}

async function statuses(url: string, count: number) {
  const all = [];
  for (let index = 0; index < count; index += 1)
    all.push(await statusFrom(url));
  return all;
}

test("zoogate proxy limits by flags, and counts what it refused in its metrics", async (t) => {
  const { file, write } = await ground(t);
  await write("");
  const { url, admin } = await proxyOf(t, file, [
    "--deny",
    TWO,
    "--requests-per-second",
    "1",
    "--set",
    "limits.requestBurst=3",
    "--connections-per-address",
    "50",
  ]);
  assert.equal(await statusFrom(url, TWO), "closed");
  assert.deepEqual(await statuses(url, 3), [200, 200, 200]);
  assert.deepEqual(await statuses(url, 1), [429]);
  const metrics = (await get(`${admin}/metrics`)).body.toString();
  assert.match(metrics, /zoogate_refusals_total\{reason="denied"\} 1\n/);
  assert.match(
    metrics,
    /zoogate_refusals_total\{reason="asking-too-fast"\} 1\n/,
  );
  assert.match(
    metrics,
    /zoogate_refusals_total\{reason="too-many-from-address"\} 0\n/,
  );
});

test("zoogate proxy takes new limits from its file on SIGHUP", async (t) => {
  const { file, write } = await ground(t);
  await write("");
  const { command, url } = await proxyOf(t, file);
  assert.equal(await statusFrom(url, TWO), 200);
  await write(`access:
  deny: [${TWO}]
  exempt: 127.0.0.3
limits:
  requestsPerSecond: 1
  requestBurst: 2`);
  command.child.kill("SIGHUP");
  await eventually(async () =>
    assert.equal(await statusFrom(url, TWO), "closed"),
  );
  assert.deepEqual(await statuses(url, 3), [200, 200, 429]);
  for (let index = 0; index < 5; index += 1)
    assert.equal(await statusFrom(url, "127.0.0.3"), 200);
  assert.match(
    command.stderr,
    /applied access\.deny, access\.exempt, limits\.requestsPerSecond, limits\.requestBurst/u,
  );
  await write(
    "",
    `    access: {deny: ["${TWO}"]}
    rateLimit: {requestsPerSecond: 1, burst: 4}
`,
  );
  command.child.kill("SIGHUP");
  await eventually(async () => assert.equal(await statusFrom(url, TWO), 403));
  assert.deepEqual(await statuses(url, 5), [200, 200, 200, 200, 429]);
});

test("zoogate proxy names the line of a network that is none", async (t) => {
  const { file, write } = await ground(t);
  await write(
    "access: {deny: [10.0.0.0/40]}",
    "    rateLimit: {requestsPerSecond: 0}\n",
  );
  const { code, stderr } = await runCommand([
    "proxy",
    "--config",
    file,
    "--check-config",
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /:10:\d+: .*access\.deny/u);
  assert.match(stderr, /:9:\d+: .*rateLimit\.requestsPerSecond/u);
});
