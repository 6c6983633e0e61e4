import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { silentJournal } from "../base/index.ts";
import {
  AdminServer,
  type AdminSources,
  type Readiness,
} from "./admin-server.ts";

const SOURCES: AdminSources = {
  readiness: () => ({ ready: true }),
  metrics: () => Promise.resolve([]),
  snapshot: () => ({}),
};

function open(sources: Partial<AdminSources> = {}): Promise<AdminServer> {
  return AdminServer.open({
    host: "127.0.0.1",
    port: 0,
    orFreePort: false,
    sources: { ...SOURCES, ...sources },
    journal: silentJournal,
  });
}

test("AdminServer answers /healthz, and /readyz by its source, with the reason", async () => {
  let readiness: Readiness = { ready: false, because: "no registry yet" };
  await using admin = await open({ readiness: () => readiness });
  const url = `http://127.0.0.1:${admin.port}`;
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  const waiting = await fetch(`${url}/readyz`);
  assert.equal(waiting.status, 503);
  assert.equal(await waiting.text(), "not ready: no registry yet\n");
  readiness = { ready: true };
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
});

test("AdminServer prints counters and histograms in Prometheus's format", async () => {
  await using admin = await open({
    metrics: () =>
      Promise.resolve([
        {
          kind: "counter",
          name: "zoogate_requests_total",
          help: "Requests.",
          samples: [{ labels: { service: "www" }, value: 7 }],
        },
        {
          kind: "histogram",
          name: "zoogate_seconds",
          help: "Time.",
          samples: [{ buckets: [{ le: 0.1, count: 3 }], count: 4, sum: 1.5 }],
        },
      ]),
  });
  const text = await (
    await fetch(`http://127.0.0.1:${admin.port}/metrics`)
  ).text();
  for (const line of [
    "# TYPE zoogate_requests_total counter",
    'zoogate_requests_total{service="www"} 7',
    'zoogate_seconds_bucket{le="0.1"} 3',
    'zoogate_seconds_bucket{le="+Inf"} 4',
    "zoogate_seconds_sum 1.5",
    "zoogate_seconds_count 4",
  ])
    assert.ok(text.includes(line), line);
  assert.match(text, /process_cpu_user_seconds_total/u);
});

test("AdminServer prints maps and bigints of a snapshot as JSON", async () => {
  await using admin = await open({
    snapshot: () => ({ services: new Map([["www", { czxid: 5n }]]) }),
  });
  const answer = await fetch(`http://127.0.0.1:${admin.port}/api/snapshot`);
  assert.deepEqual(await answer.json(), { services: { www: { czxid: "5" } } });
});

test("AdminServer answers 500 when a source fails, and goes on", async () => {
  await using admin = await open({
    snapshot: () => {
      throw new Error("broken");
    },
  });
  const url = `http://127.0.0.1:${admin.port}`;
  assert.equal((await fetch(`${url}/api/snapshot`)).status, 500);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
});

test("AdminServer refuses other methods, paths and host names", async () => {
  await using admin = await open();
  const url = `http://127.0.0.1:${admin.port}`;
  assert.equal((await fetch(`${url}/healthz`, { method: "PUT" })).status, 405);
  assert.equal((await fetch(`${url}/secret`)).status, 404);
  const rebound = request(`${url}/api/snapshot`, {
    headers: { Host: "evil.example" },
  }).end();
  const [response] = await once(rebound, "response");
  assert.equal(response.statusCode, 421);
  response.resume();
});

test("AdminServer.open() takes a free port for a default one in use, else fails", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const address = taken.address();
  assert.ok(address !== null && typeof address === "object");
  const options = {
    host: "127.0.0.1",
    port: address.port,
    sources: SOURCES,
    journal: silentJournal,
  };
  await assert.rejects(AdminServer.open({ ...options, orFreePort: false }), {
    code: "port-in-use",
  });
  await using admin = await AdminServer.open({ ...options, orFreePort: true });
  assert.notEqual(admin.port, address.port);
});
