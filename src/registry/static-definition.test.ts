import assert from "node:assert/strict";
import { test } from "node:test";
import { readStaticServices, type StaticService } from "./static-definition.ts";

function read(value: unknown): readonly StaticService[] {
  const reading = readStaticServices(value);
  assert.ok(reading.kind === "services", JSON.stringify(reading));
  return reading.services;
}

function problems(value: unknown): readonly string[] {
  const reading = readStaticServices(value);
  assert.ok(reading.kind === "reject");
  return reading.problems.map(
    ({ path, on, message }) => `${path.join(".")} (${on}): ${message}`,
  );
}

test("readStaticServices() reads URLs, weights, names, sockets and releases", () => {
  const [www, api] = read({
    www: {
      hosts: ["WWW.example"],
      release: "v7",
      targets: [
        "http://10.0.0.1:3000",
        { url: "http://10.0.0.2:3000", weight: 2, name: "big", release: "v8" },
        "unix:/run/app.sock",
      ],
    },
    api: { targets: ["http://[::1]:80", "http://x/"] },
  });
  assert.deepEqual(www?.definition?.hosts, ["www.example"]);
  assert.deepEqual(
    www?.targets.map(({ name, weight, release }) => [name, weight, release]),
    [
      ["10.0.0.1:3000", 1, "v7"],
      ["big", 2, "v8"],
      ["/run/app.sock", 1, "v7"],
    ],
  );
  // Targets only: what the service is, the registry says.
  assert.equal(api?.definition, undefined);
  assert.deepEqual(
    api?.targets.map(({ name }) => name),
    ["[::1]:80", "x:80"],
  );
});

test("readStaticServices() writes durations and sizes with their unit", () => {
  const [service] = read({
    www: {
      slowStart: "30s",
      cache: { defaultTtl: "5m", maxEntrySize: "1MB" },
      retry: { headTimeout: "2s", wait: 0 },
      health: { active: { path: "/up", interval: "1s" } },
      hash: "cookie:id",
      policy: "hash",
    },
  });
  const { definition } = service ?? {};
  assert.equal(definition?.slowStartMs, 30_000);
  assert.equal(definition?.cache.defaultTtlMs, 300_000);
  assert.equal(definition?.cache.maxEntryBytes, 1_000_000);
  assert.equal(definition?.retry.headTimeoutMs, 2000);
  assert.equal(definition?.retry.waitMs, 0);
  assert.equal(definition?.health.active?.intervalMs, 1000);
  assert.deepEqual(definition?.hash, { kind: "cookie", name: "id" });
});

test("readStaticServices() says where each mistake stands", () => {
  assert.deepEqual(
    problems({
      a: { hots: [] },
      b: { retry: { headTimeout: 10 } },
      c: { retry: { headTimeoutMs: 10 } },
      d: { retry: { attempts: 99 } },
      e: { targets: ["ftp://x"] },
      f: { targets: [{ url: "http://x:1", weight: 0, wait: 1 }] },
      g: { targets: ["http://x:1", "http://x:1"] },
      h: { cache: "off" },
      i: { retry: { headTimeout: "0s" } },
      j: [],
      k: { release: 1.1 },
      l: { policy: "hash" },
    }).map((text) => text.replace(/known are.*/u, "…")),
    [
      "a.hots (key): there is no such key, …",
      'b.retry.headTimeout (value): 10 should be a duration with its unit, as in "10s"',
      "c.retry.headTimeoutMs (key): there is no such key, …",
      "d.retry.attempts (value): Invalid value: Expected <=10 but received 99",
      'e.targets.0 (value): "ftp://x" should be http(s)://HOST:PORT or unix:/PATH',
      "f.targets.0.wait (key): there is no such key, …",
      "f.targets.0.weight (value): 0 should be a number above 0, at most 1000000",
      "g.targets.1 (value): x:1 is named twice",
      "h.cache (value): it should be keys and their values",
      "i.retry.headTimeout (value): Invalid value: Expected >=1 but received 0",
      "j (value): it should be keys and their values",
      "k.release (value): 1.1 should be text, in quotes if need be",
      'l (value): the policy "hash" needs "hash"',
    ],
  );
});

test("readStaticServices() refuses two services that claim the same requests", () => {
  assert.deepEqual(
    problems({ a: { hosts: ["x.example"] }, b: { hosts: ["X.example"] } }),
    ["b (value): a has x.example at / already"],
  );
  read({
    a: { hosts: ["x.example"] },
    b: { hosts: ["x.example"], path: "/b" },
  });
});
