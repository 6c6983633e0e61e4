import assert from "node:assert/strict";
import { test } from "node:test";
import { createCapacityMemory, SharedCapacity } from "./shared-capacity.ts";
import type { Target } from "./target.ts";
import { QueueAlarm, TargetQueue } from "./target-queue.ts";

/** What a queue looks at of a target. */
function target(slot: number): Target {
  return { slot, name: `t${slot}` } as Target; // no pool, no counters
}

/** The queue of one service in as many threads, all with the same targets. */
function threads(
  count: number,
  { targets, perTarget }: { targets: readonly Target[]; perTarget: number },
) {
  const memory = createCapacityMemory({ slots: 4, columns: count });
  return Array.from({ length: count }, (_, column) => {
    const capacity = new SharedCapacity(memory, column);
    const queue = new TargetQueue(capacity, new QueueAlarm(capacity));
    queue.targetsChanged(targets, perTarget);
    return { capacity, queue };
  });
}

/** A request that takes the first target with a place. */
class Request {
  readonly tried: readonly Target[];
  readonly name: string;
  readonly #queue: TargetQueue;
  readonly #targets: readonly Target[];
  readonly #served: string[];
  target: Target | undefined;

  constructor(
    name: string,
    options: {
      readonly queue: TargetQueue;
      readonly targets: readonly Target[];
      readonly served: string[];
      readonly tried?: readonly Target[];
    },
  ) {
    this.name = name;
    this.#queue = options.queue;
    this.#targets = options.targets;
    this.#served = options.served;
    this.tried = options.tried ?? [];
  }

  takeTurn(ticket: number): boolean {
    this.target = this.#targets.find(
      (one) =>
        !this.tried.includes(one) &&
        !this.#queue.isFull(one, ticket) &&
        this.#queue.take(one),
    );
    if (this.target !== undefined) this.#served.push(this.name);
    return this.target !== undefined;
  }
}

/** Lets what was put off happen, in all threads. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

test("TargetQueue gives freed places in the order of arrival over all threads", async () => {
  const only = target(0);
  const targets = [only];
  const [one, two] = threads(2, { targets, perTarget: 1 });
  assert.ok(one !== undefined && two !== undefined);
  const served: string[] = [];
  assert.ok(one.queue.take(only));
  for (const [name, { queue }] of [
    ["a", one],
    ["b", two],
    ["c", one],
    ["d", two],
    ["e", two],
  ] as const)
    queue.add(new Request(name, { queue, targets, served }));
  await settle();
  assert.deepEqual(served, []);
  // Whoever frees the place, the oldest gets it.
  for (let turn = 1; turn <= 5; turn++) {
    one.queue.free(only);
    one.capacity.take(1, 9); // something else goes on
    await settle();
    assert.equal(served.length, turn);
    assert.equal(one.capacity.given(0), 1);
  }
  assert.deepEqual(served, ["a", "b", "c", "d", "e"]);
  two.queue.free(only);
  assert.equal(one.capacity.given(0), 0);
});

test("TargetQueue lets nobody overtake who waits, and wants nothing from who left", async () => {
  const only = target(0);
  const targets = [only];
  const [one, two] = threads(2, { targets, perTarget: 1 });
  assert.ok(one !== undefined && two !== undefined);
  const served: string[] = [];
  assert.ok(one.queue.take(only));
  const left = new Request("left", { queue: two.queue, targets, served });
  two.queue.add(left);
  one.queue.add(new Request("next", { queue: one.queue, targets, served }));
  await settle();
  one.queue.free(only);
  assert.ok(one.queue.isFull(only, 0), "it is meant for another thread");
  assert.ok(two.queue.isFull(only, 0), "a newcomer stands behind");
  two.queue.delete(left);
  await settle();
  assert.deepEqual(served, ["next"]);
  one.queue.free(only);
  assert.ok(!two.queue.isFull(only, 0));
});

test("TargetQueue lets a request past one that cannot use the free target", async () => {
  const [first, second] = [target(0), target(1)];
  const targets = [first, second];
  const [one, two] = threads(2, { targets, perTarget: 1 });
  assert.ok(one !== undefined && two !== undefined);
  const served: string[] = [];
  const { queue } = one;
  assert.ok(queue.take(first) && queue.take(second));
  queue.add(new Request("retry", { queue, targets, served, tried: [first] }));
  two.queue.add(new Request("b", { queue: two.queue, targets, served }));
  queue.add(new Request("c", { queue, targets, served }));
  await settle();
  queue.free(first);
  await settle();
  assert.deepEqual(served, ["b"], "the oldest that may have the first target");
  queue.free(second);
  await settle();
  queue.free(first);
  await settle();
  assert.deepEqual(served, ["b", "retry", "c"]);
});

test("TargetQueue serves at once when the limit is raised or a target joins", async () => {
  const [first, second] = [target(0), target(1)];
  const targets = [first];
  const [one] = threads(1, { targets, perTarget: 1 });
  assert.ok(one !== undefined);
  const { queue } = one;
  const served: string[] = [];
  assert.ok(queue.take(first));
  for (const name of ["a", "b", "c"])
    queue.add(new Request(name, { queue, targets, served }));
  await settle();
  queue.targetsChanged([first], 2);
  await settle();
  assert.deepEqual(served, ["a"]);
  targets.push(second);
  queue.targetsChanged(targets, 2);
  await settle();
  assert.deepEqual(served, ["a", "b", "c"]);
});

test("SharedCapacity.forget() frees what a dead thread had and shows", () => {
  const memory = createCapacityMemory({ slots: 2, columns: 2 });
  const one = new SharedCapacity(memory, 0);
  const two = new SharedCapacity(memory, 1);
  assert.ok(one.take(0, 3) && two.take(0, 3) && two.take(0, 3));
  assert.ok(!one.take(0, 3));
  two.show(0, two.newTicket());
  assert.ok(one.isAwaited(0, 0));
  new SharedCapacity(memory, 1).forget();
  assert.equal(one.given(0), 1);
  assert.ok(!one.isAwaited(0, 0));
});

test("SharedCapacity.isAwaited() compares tickets that wrap around", () => {
  const memory = createCapacityMemory({ slots: 1, columns: 2 });
  new Int32Array(memory.control)[0] = 2 ** 31 - 2;
  const one = new SharedCapacity(memory, 0);
  const two = new SharedCapacity(memory, 1);
  const [early, late] = [one.newTicket(), two.newTicket()];
  assert.ok(early > 0 && late < 0);
  one.show(0, early);
  two.show(0, late);
  assert.ok(two.isAwaited(0, late));
  assert.ok(!one.isAwaited(0, early));
  assert.equal(one.firstInLine(0), 0);
  new Int32Array(memory.control)[0] = -1;
  assert.equal(one.newTicket(), 1, "0 means none");
});
