/** What a newcomer sees first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RunningCommand, runCommand, urlOf } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";

test("zoogate demo is ready within 5 s, serves a whole site, outlives its keeper and a replica, and stops cleanly", async () => {
  const startedMs = performance.now();
  await using demo = new RunningCommand(["demo", "--listen", "127.0.0.1:0"]);
  const url = urlOf(await demo.ready());
  assert.ok(performance.now() - startedMs < 5000);
  const page = await get(`${url}/`);
  assert.equal(page.status, 200);
  assert.match(String(page.headers["content-type"]), /text\/html/u);
  const links = [
    ...page.body.toString().matchAll(/(?:src|href)="(?<to>[^":#]+)"/gu),
  ].map((match) => new URL(match.groups?.["to"] ?? "", `${url}/`));
  const types = new Set<string>();
  for (const link of links) {
    const answer = await get(link.href);
    assert.equal(answer.status, 200, link.href);
    types.add(String(answer.headers["content-type"]).split(";")[0] ?? "");
  }
  assert.ok(
    types.has("text/css") &&
      [...types].some((type) => /javascript/u.test(type)),
  );
  assert.ok([...types].some((type) => type.startsWith("image/")));

  await demo.until(() => demo.stdout.includes("Ctrl-C"), "what to try");
  const zookeeper = /--zookeeper (?<at>[\d.:]+)/u.exec(demo.stdout)?.groups?.[
    "at"
  ];
  assert.ok(zookeeper !== undefined);
  const status = await runCommand(["status", "--zookeeper", zookeeper]);
  assert.equal(status.code, 0);
  assert.match(status.stdout, /replica-1[^]*replica-2/u);

  for (const [pid] of demo.stdout.matchAll(/(?<=kill -9 )\d+/gu))
    process.kill(Number(pid), "SIGKILL");
  await eventually(async () => {
    for (let index = 0; index < 20; index++)
      assert.equal((await get(`${url}/?${index}`)).status, 200);
  });
  assert.equal((await demo.stop("SIGINT")).code, 0);
  await assert.rejects(get(url));
});
