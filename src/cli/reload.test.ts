import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { JournalRecord } from "../base/index.ts";
import { loadProxyConfig, type ProxyConfig } from "./proxy-config.ts";
import { ConfigReloader } from "./reload.ts";

async function openReloader(t: TestContext, text: string) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-reload-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "z.yaml");
  const write = (next: string) => writeFile(path, next);
  await write(text);
  const load = () => loadProxyConfig({ flags: { config: path }, env: {} });
  const applied: ProxyConfig[] = [];
  const told: JournalRecord[] = [];
  const levels: string[] = [];
  const reloader = new ConfigReloader(await load(), {
    load,
    apply: (config) => applied.push(config),
    setLogLevel: (level) => levels.push(level),
    journal: (record) => told.push(record),
  });
  return { reloader, write, applied, told, levels };
}

test("ConfigReloader.reload() applies a good file and says what changed", async (t) => {
  const ground = await openReloader(t, "workers: 1\n");
  await ground.write("workers: 2\nlog: {level: warn}\ntrust: 10.0.0.1\n");
  await ground.reloader.reload();
  assert.deepEqual(ground.applied[0]?.settings.main.trust, ["10.0.0.1"]);
  assert.deepEqual(ground.levels, ["warn"]);
  assert.deepEqual(
    ground.told.map(({ event, changed, settings }) => [
      event,
      changed ?? settings,
    ]),
    [
      ["config-applied", ["trust", "log.level"]],
      ["config-needs-restart", ["workers"]],
    ],
  );
});

test("ConfigReloader.reload() tells again what still needs a restart, until it is taken back", async (t) => {
  const ground = await openReloader(t, "workers: 1\n");
  const events = async (text: string) => {
    await ground.write(text);
    ground.told.length = 0;
    await ground.reloader.reload();
    return ground.told.map(({ event }) => event);
  };
  const both = ["config-applied", "config-needs-restart"];
  assert.deepEqual(await events("workers: 2\n"), both);
  assert.deepEqual(await events("workers: 2\ntrust: []\n"), both);
  assert.deepEqual(await events("workers: 1\n"), ["config-applied"]);
});

test("ConfigReloader.reload() keeps the last good configuration when the file is bad", async (t) => {
  const ground = await openReloader(t, "workers: 1\n");
  await ground.write("workers: none\nlog: {level: loud}\n");
  await ground.reloader.reload();
  assert.deepEqual(ground.applied, []);
  assert.equal(ground.told.length, 2);
  for (const { event, message } of ground.told) {
    assert.equal(event, "config-refused");
    assert.match(message, /z\.yaml:\d+:\d+: .*last good/u);
  }
});
