import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./config-error.ts";
import { ConfigFile } from "./config-file.ts";
import { proxySettings } from "./proxy-settings.ts";
import { resolveSettings, type SettingInputs } from "./resolve-settings.ts";

async function resolve(
  text: string,
  inputs: Partial<Omit<SettingInputs, "file" | "flags">> & {
    readonly flags?: Readonly<Record<string, string | readonly string[]>>;
  } = {},
) {
  const resolved = resolveSettings(proxySettings, {
    env: {},
    otherKeys: ["services"],
    ...inputs,
    flags: new Map(Object.entries(inputs.flags ?? {})),
    file: await ConfigFile.parse(text, "/etc/z.yaml"),
  });
  return (key: string) => {
    const one = resolved.find(({ setting }) => setting.key === key);
    return one === undefined ? undefined : [one.value, one.source];
  };
}

async function problems(
  text: string,
  inputs?: Parameters<typeof resolve>[1],
): Promise<readonly string[]> {
  try {
    await resolve(text, inputs);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

test("resolveSettings() prefers flag, then environment, then file, then default", async () => {
  const text = "workers: 2\nadmin: 127.0.0.1:2\nlog: {level: warn}\n";
  const env = { ZOOGATE_WORKERS: "3", ZOOGATE_ADMIN: "127.0.0.1:3" };
  const get = await resolve(text, { env, flags: { workers: "4" } });
  assert.deepEqual(get("workers"), [4, "flag"]);
  assert.deepEqual(get("admin"), ["127.0.0.1:3", "environment"]);
  assert.deepEqual(get("log.level"), ["warn", "file"]);
  assert.deepEqual(get("log.format"), ["text", "default"]);
});

test("resolveSettings() takes an empty variable and a key without value as not given", async () => {
  const get = await resolve("workers:\nlimits:\n", {
    env: { ZOOGATE_LOG_LEVEL: "" },
  });
  assert.equal(get("workers")?.[1], "default");
  assert.deepEqual(get("log.level"), ["info", "default"]);
});

test("resolveSettings() reads durations, sizes, lists and single words", async () => {
  const get = await resolve(`
listen: 127.0.0.1:1
trust: [10.0.0.0/8, "::1"]
cacheSize: 64MiB
limits: {headTimeout: 2s, maxHeadSize: 16KiB, maxFields: 50, allowPaddedSizes: true}
`);
  assert.deepEqual(get("listen")?.[0], ["127.0.0.1:1"]);
  assert.deepEqual(get("trust")?.[0], ["10.0.0.0/8", "::1"]);
  assert.equal(get("cacheSize")?.[0], 67_108_864);
  assert.equal(get("limits.headTimeout")?.[0], 2000);
  assert.equal(get("limits.maxHeadSize")?.[0], 16_384);
  assert.equal(get("limits.allowPaddedSizes")?.[0], true);
});

test("resolveSettings() reads every setting from --set and from the environment", async () => {
  const get = await resolve("", {
    assignments: ["limits.headTimeout=3s", "log.level=debug"],
    env: { ZOOGATE_LIMITS_MAX_FIELDS: "77", ZOOGATE_LISTEN: ":1, :2" },
  });
  assert.deepEqual(get("limits.headTimeout"), [3000, "flag"]);
  assert.deepEqual(get("log.level"), ["debug", "flag"]);
  assert.deepEqual(get("limits.maxFields"), [77, "environment"]);
  assert.deepEqual(get("listen")?.[0], [":1", ":2"]);
});

test("resolveSettings() counts a bare --cache-size in megabytes, in a file it wants a unit", async () => {
  const get = await resolve("", { flags: { cacheSize: "64" } });
  assert.equal(get("cacheSize")?.[0], 64_000_000);
  assert.match((await problems("cacheSize: 64"))[0] ?? "", /with its unit/u);
});

test("resolveSettings() tells everything that is wrong, each with file, line and column", async () => {
  const found = await problems(
    `listen: [127.0.0.1:1, nonsense]
limts: {}
limits:
  headTimeout: 10
  headTimeoutMs: 10s
  maxFields: 1
workers: many
trust: 10.0.0.0/99
log: loud
servces: {}
`,
    {
      env: { ZOOGATE_ADMIN: "here" },
      flags: { "log.level": "loud" },
      assignments: ["limits.maxFild=1", "nothing"],
    },
  );
  const expected = [
    /--set "limits\.maxFild=1".*did you mean "limits\.maxFields"/u,
    /--set "nothing": it should be NAME=VALUE/u,
    /--log-level "loud": it should be one of debug, info/u,
    /z\.yaml:1:9: .*listen .*nonsense.*HOST:PORT/u,
    /z\.yaml:2:1: .*"limts".*did you mean "limits"/u,
    /z\.yaml:4:16: .*limits\.headTimeout 10: .*duration with its unit.*from 100ms to 10m/u,
    /z\.yaml:5:3: .*did you mean "limits\.headTimeout"/u,
    /z\.yaml:6:14: .*limits\.maxFields 1: it should be a whole number, from 16 to 10000/u,
    /z\.yaml:7:10: .*workers "many"/u,
    /z\.yaml:8:8: .*trust "10\.0\.0\.0\/99"/u,
    /z\.yaml:9:6: .*log "loud": it should be keys/u,
    /z\.yaml:10:1: .*"servces".*did you mean "services"/u,
    /ZOOGATE_ADMIN "here": it should be HOST:PORT/u,
  ];
  assert.equal(found.length, expected.length, found.join("\n"));
  for (const [index, pattern] of expected.entries())
    assert.match(found[index] ?? "", pattern);
});

test("resolveSettings() finds relative paths beside the file", async () => {
  const get = await resolve("data: state\naccessLog: {file: log/access}\n");
  assert.equal(get("data")?.[0], "/etc/state");
  assert.equal(get("accessLog.file")?.[0], "/etc/log/access");
  const stdout = await resolve('accessLog: {file: "-"}');
  assert.equal(stdout("accessLog.file")?.[0], "-");
});

test("proxySettings names every option, flag and variable once", () => {
  for (const names of [
    proxySettings.map(({ key }) => key),
    proxySettings.map(({ env }) => env),
    proxySettings.flatMap(({ row }) => row.flag ?? []),
  ])
    assert.equal(new Set(names).size, names.length);
  const defaults = proxySettings.filter(
    ({ row }) => row.type === "number" && row.default > row.max,
  );
  assert.deepEqual(defaults, []);
});
