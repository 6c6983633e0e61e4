import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { addressKey } from "./address-key.ts";
import {
  ADDRESS_FULL,
  createConnectionsMemory,
  FULL,
  SharedConnections,
  UNCOUNTED,
} from "./shared-connections.ts";
import { WAYS } from "./shared-sets.ts";

function key(address: string): Int32Array {
  const found = addressKey(address, 64);
  assert.ok(found);
  return found;
}

test("SharedConnections count over all threads, in all and for each address", () => {
  const memory = createConnectionsMemory({ slots: 64, workers: 2, seed: 1 });
  const one = new SharedConnections(memory, 1);
  const two = new SharedConnections(memory, 2);
  const a = key("192.0.2.1");
  assert.equal(one.enter(3), UNCOUNTED);
  assert.equal(two.enter(3), UNCOUNTED);
  const lease = one.enterFrom(a, 2);
  assert.ok(lease >= 0);
  assert.equal(two.enterFrom(a, 2), lease);
  assert.equal(two.enterFrom(a, 2), ADDRESS_FULL);
  assert.ok(two.enterFrom(key("192.0.2.2"), 2) >= 0);
  assert.equal(one.totalFrom(a), 2);
  assert.equal(one.enter(3), UNCOUNTED);
  assert.equal(two.enter(3), FULL);
  assert.equal(one.total, 3);
  one.leave(lease);
  assert.equal(two.total, 2);
  assert.equal(two.totalFrom(a), 1);
  assert.equal(two.enterFrom(a, 2), lease);
});

test("SharedConnections give back what a dead thread had, its lock too", () => {
  const memory = createConnectionsMemory({ slots: 1, workers: 2, seed: 1 });
  const dead = new SharedConnections(memory, 1);
  const alive = new SharedConnections(memory, 2);
  const a = key("192.0.2.1");
  dead.enter(10);
  dead.enterFrom(a, 10);
  alive.enter(10);
  alive.enterFrom(a, 10);
  new Int32Array(memory.sets.locks).fill(2); // as column 1 would have left it
  alive.forget(1);
  assert.equal(alive.total, 1);
  assert.equal(alive.totalFrom(a), 1);
});

test("SharedConnections let pass, uncounted, where a lock cannot be had", () => {
  const memory = createConnectionsMemory({ slots: 1, workers: 1, seed: 1 });
  new Int32Array(memory.sets.locks).fill(7);
  const one = new SharedConnections(memory, 1);
  assert.equal(one.enterFrom(key("192.0.2.1"), 1), UNCOUNTED);
});

test("SharedConnections let one address more than fits pass, uncounted, until one leaves", () => {
  const memory = createConnectionsMemory({ slots: WAYS, workers: 1, seed: 1 });
  const one = new SharedConnections(memory, 1);
  const leases: number[] = [];
  for (let number = 0; number < WAYS; number += 1) {
    one.enter(100);
    leases.push(one.enterFrom(key(`192.0.2.${number}`), 1));
  }
  assert.equal(new Set(leases).size, WAYS);
  assert.ok(!leases.includes(UNCOUNTED));
  const more = key("198.51.100.1");
  assert.equal(one.enterFrom(more, 1), UNCOUNTED);
  one.leave(leases[3] ?? UNCOUNTED);
  assert.equal(one.enterFrom(more, 1), leases[3]);
  assert.equal(one.enterFrom(more, 1), ADDRESS_FULL);
});

test("SharedConnections are as a map of counts, whatever comes and goes", () => {
  const event = fc.record({
    column: fc.integer({ min: 1, max: 3 }),
    host: fc.integer({ min: 0, max: 9 }),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const memory = createConnectionsMemory({
        slots: 1024,
        workers: 3,
        seed: 5,
      });
      const views = [1, 2, 3].map(
        (column) => new SharedConnections(memory, column),
      );
      const open: { column: number; host: number; lease: number }[] = [];
      for (const { column, host, leaves } of events) {
        const view = views[column - 1];
        assert.ok(view);
        if (leaves) {
          const at = open.findIndex((one) => one.column === column);
          const [gone] = at === -1 ? [] : open.splice(at, 1);
          if (gone !== undefined) view.leave(gone.lease);
          continue;
        }
        const before = open.filter((one) => one.host === host).length;
        assert.equal(view.enter(50) === FULL, open.length >= 50);
        if (open.length >= 50) continue;
        const lease = view.enterFrom(key(`10.0.0.${host}`), 4);
        assert.equal(lease === ADDRESS_FULL, before >= 4);
        if (lease === ADDRESS_FULL) view.leave(UNCOUNTED);
        else open.push({ column, host, lease });
        assert.equal(view.total, open.length);
      }
    }),
    { numRuns: 50 },
  );
});

/** Enters and leaves as fast as it can, once all have started; says how many it saw too much. */
const HAMMER = `
import { parentPort, workerData } from "node:worker_threads";
import { addressKey } from ${JSON.stringify(import.meta.resolve("./address-key.ts"))};
import { SharedConnections } from ${JSON.stringify(import.meta.resolve("./shared-connections.ts"))};
const { memory, column, rounds, max, hosts, started, threads } = workerData;
const view = new SharedConnections(memory, column);
const keys = hosts.map((host) => addressKey(host, 64));
const held = [];
let entered = 0, refused = 0, over = 0;
if (Atomics.add(started, 0, 1) + 1 === threads) Atomics.notify(started, 0);
for (;;) {
  const seen = Atomics.load(started, 0);
  if (seen === threads) break;
  Atomics.wait(started, 0, seen);
}
for (let round = 0; round < rounds; round += 1) {
  const key = keys[round % keys.length];
  const lease = view.enterFrom(key, max);
  if (lease >= 0) {
    entered += 1;
    held.push(lease);
    if (view.totalFrom(key) > max) over += 1;
  } else refused += 1;
  if (held.length > 3) view.leaveFrom(held.shift());
}
for (const lease of held) view.leaveFrom(lease);
parentPort.postMessage({ entered, refused, over });
`;

test("SharedConnections never let more in than may, and lose none, when many threads hammer one set", async () => {
  const threads = 6;
  const memory = createConnectionsMemory({
    slots: WAYS,
    workers: threads,
    seed: 3,
  });
  const hosts = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
  const started = new Int32Array(new SharedArrayBuffer(4));
  const results = await Promise.all(
    Array.from({ length: threads }, async (_, index) => {
      const worker = new Worker(
        new URL(`data:text/javascript,${encodeURIComponent(HAMMER)}`),
        {
          workerData: {
            memory,
            column: index + 1,
            rounds: 20_000,
            // One thread alone has 2 of an address at most: refused are only
            // those who really met.
            max: 3,
            hosts,
            started,
            threads,
          },
        },
      );
      const [result] = (await once(worker, "message")) as [
        { entered: number; refused: number; over: number },
      ]; // as HAMMER posts it
      return result;
    }),
  );
  assert.ok(results.every(({ over }) => over === 0));
  assert.ok(results.some(({ refused }) => refused > 0));
  assert.ok(results.some(({ entered }) => entered > 0));
  const view = new SharedConnections(memory, 1);
  for (const host of hosts) assert.equal(view.totalFrom(key(host)), 0);
});
