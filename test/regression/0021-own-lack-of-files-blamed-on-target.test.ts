/**
 * A proxy that could open no more files took that for a target which refuses:
 * it took the target, with nothing wrong about it, out of rotation.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { RawClient, startTarget } from "../scenario/proxy-harness.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { metricSum } from "../support/process-figures.ts";

const FILES = 150;
const BIN = join(import.meta.dirname, "..", "..", "src", "cli", "bin.ts");
const ASK = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A proxy that may have so many files open at a time; answers its `ready` line. */
async function startPoorProxy(
  t: TestContext,
  targetPort: number,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-files-"));
  const config = join(folder, "zoogate.yaml");
  await writeFile(
    config,
    `
zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 1
data: state
limits: { upstreamIdle: 100ms }
services:
  www:
    targets: ["http://127.0.0.1:${targetPort}"]
`,
  );
  const command = `ulimit -n ${FILES} && exec "$@"`;
  const args = ["-c", command, "sh", process.execPath, BIN, "proxy"];
  const child = spawn("sh", [...args, "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    const ended = once(child, "close");
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const lines = createInterface({ input: child.stdout });
  const [ready] = (await once(lines, "line")) as [string]; // as `line` says
  return ready;
}

test("Exchange blames no target for files that the proxy lacks", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const ready = await startPoorProxy(t, target.port);
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)/u.exec(ready)?.[1]);
  const admin = /admin (\S+)/u.exec(ready)?.[1] ?? "";
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const metrics = async () =>
    (await get(`${admin}/metrics`, { agent })).body.toString();
  await metrics(); // its connection is there before files are short
  const asker = new RawClient(port).send(ASK);
  t.after(() => asker.close());
  await asker.until((text) => text.endsWith("ok"));
  const crowd: RawClient[] = [];
  t.after(() => {
    for (const client of crowd) client.close();
  });
  await eventually(() => {
    crowd.push(new RawClient(port), new RawClient(port), new RawClient(port));
    const refused = crowd.filter(({ ended }) => ended).length;
    assert.ok(refused > 3, "files are not short yet");
  }, 20_000);
  asker.send(ASK);
  const answer = await asker.until((text) => text.includes("HTTP/1.1 503 "));
  assert.match(answer, /Proxy-Status: .*connection_limit_reached/iu);
  assert.match(answer, /Retry-After: /u);
  for (const client of crowd) client.close();
  await eventually(async () => {
    const fresh = new RawClient(port).send(ASK);
    t.after(() => fresh.close());
    await fresh.until((text) => text.endsWith("ok"));
  });
  const seen = await metrics();
  assert.equal(metricSum(seen, "zoogate_target_in_rotation"), 1);
  assert.equal(metricSum(seen, "zoogate_target_failures_total"), 0);
});
