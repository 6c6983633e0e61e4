import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Entry, EntryParts } from "./entry.ts";
import { encodeHead } from "./entry-codec.ts";
import { EntryStore } from "./entry-store.ts";
import { StoreKeeper } from "./store-keeper.ts";
import { RECORD } from "./record-table.ts";
import { RECORD_WORDS, UNIT_BYTES } from "./store-layout.ts";
import { createStoreMemory } from "./store-memory.ts";
import { ANY_REQUEST } from "./vary.ts";

const TERMS = {
  bornAtMs: 0,
  freshUntilMs: 1,
  whileRevalidatingUntilMs: 0,
  onErrorUntilMs: 0,
  whileDownUntilMs: 0,
  neverStale: false,
  servesCookie: true,
  servesAuthorization: true,
};

function partsOf(key: string, fields: readonly string[] = []): EntryParts {
  return {
    key,
    service: "www",
    selector: ANY_REQUEST,
    release: undefined,
    status: 200,
    fields,
    targetedControl: undefined,
    etag: undefined,
    lastModifiedMs: undefined,
    dateMs: 0,
    storedAtMs: 0,
    terms: TERMS,
  };
}

/** A store for each of some threads, and what the main thread does. */
function stage(
  maxBytes: number,
  options: { workers?: number; maxVariants?: number } = {},
) {
  const { workers = 1, maxVariants = 4 } = options;
  const memory = createStoreMemory({ maxBytes, workers });
  const stores = Array.from(
    { length: workers },
    (_, index) => new EntryStore(memory, { column: index + 1, maxVariants }),
  );
  const [store] = stores;
  assert.ok(store !== undefined);
  return { memory, stores, store, keeper: new StoreKeeper(memory) };
}

function put(
  store: EntryStore,
  key: string,
  bodyBytes = 0,
  fill = 1,
): Entry | undefined {
  const parts = partsOf(key);
  const head = encodeHead(parts);
  const received = store.open(bodyBytes + head.length);
  if (received === undefined) return undefined;
  assert.ok(received.append(Buffer.alloc(bodyBytes, fill)));
  const body = received.stored(bodyBytes);
  assert.ok(received.append(head));
  return store.publish(parts, received, {
    body,
    stamp: store.stampOf(key),
    shadows: () => true,
  });
}

function isThere(store: EntryStore, key: string): boolean {
  const entry = store.renewed(key);
  return entry !== undefined && store.guard(entry);
}

/** SIEVE as the paper writes it, on an array: index 0 is the newest. */
class NaiveSieve {
  queue: { key: string; units: number; visited: boolean }[] = [];
  hand: { key: string } | undefined;
  readonly units: number;
  constructor(units: number) {
    this.units = units;
  }
  get used(): number {
    return this.queue.reduce((sum, item) => sum + item.units, 0);
  }
  remove(key: string): void {
    const index = this.queue.findIndex((item) => item.key === key);
    if (index < 0) return;
    if (this.hand === this.queue[index]) this.hand = this.queue[index - 1];
    this.queue.splice(index, 1);
  }
  add(key: string, units: number): void {
    if (units > this.units / 2) return;
    while (this.used + units > this.units) {
      let index = this.queue.findIndex((item) => item === this.hand);
      if (index < 0) index = this.queue.length - 1;
      for (;;) {
        const item = this.queue[index];
        assert.ok(item !== undefined);
        if (!item.visited) break;
        item.visited = false;
        index = index === 0 ? this.queue.length - 1 : index - 1;
      }
      this.hand = this.queue[index];
      this.remove(this.queue[index]?.key ?? "");
    }
    // What was stored before under the key leaves when the new one is whole.
    this.remove(key);
    this.queue.unshift({ key, units, visited: false });
  }
}

const key = fc.integer({ min: 0, max: 12 }).map((n) => `k${n}`);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      key,
      bytes: fc.nat(6000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("hit" as const), key }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("remove" as const), key }),
  },
);

describe("EntryStore", () => {
  test("keeps what plain SIEVE keeps, and never more than its bound", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { memory, store, keeper } = stage(40_000);
        const naive = new NaiveSieve(memory.units);
        for (const action of steps) {
          if (action.kind === "put") {
            const bytes = action.bytes + encodeHead(partsOf(action.key)).length;
            put(store, action.key, action.bytes);
            naive.add(action.key, Math.ceil(bytes / UNIT_BYTES));
          } else if (action.kind === "hit") {
            const found = store.renewed(action.key);
            if (found !== undefined) store.visit(found);
            for (const item of naive.queue)
              if (item.key === action.key) item.visited = true;
          } else {
            const found = store.renewed(action.key);
            if (found !== undefined) store.remove(found);
            naive.remove(action.key);
          }
          keeper.check();
          assert.equal(store.size.bytes, naive.used * UNIT_BYTES);
          assert.equal(store.size.entries, naive.queue.length);
          for (const item of naive.queue) assert.ok(store.renewed(item.key));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("keeps what was asked for twice through a scan ten times its size", () => {
    const { store } = stage(100_000);
    for (let i = 0; i < 20; i++) {
      const popular = put(store, `popular ${i}`);
      assert.ok(popular !== undefined);
      store.visit(popular);
    }
    for (let i = 0; i < 1000; i++) {
      put(store, `scan ${i}`);
      for (let j = 0; j < 20; j++) {
        const popular = store.renewed(`popular ${j}`);
        assert.ok(popular !== undefined, `popular ${j} left at scan ${i}`);
        store.visit(popular);
      }
    }
    assert.ok(store.size.evicted > 900);
  });

  test("takes all of its memory for bodies and heads, less than a unit of each lost", () => {
    const { memory, store } = stage(4_000_000);
    for (let i = 0; i < 2000; i++) put(store, `k${i}`, 5000);
    const each = Math.ceil(
      (5000 + encodeHead(partsOf("k1000")).length) / UNIT_BYTES,
    );
    assert.ok(store.size.entries >= Math.floor(memory.units / each) - 1);
  });

  test("stores what lies in many pieces, and gives it back whole", () => {
    const { memory, store } = stage(1_000_000);
    const count = Math.floor(memory.units / 2);
    for (let i = 0; i < count; i++) put(store, `small ${i}`, 1100);
    // Every other one leaves: no two free units lie together.
    for (let i = 0; i < count; i += 2) {
      const small = store.renewed(`small ${i}`);
      if (small !== undefined) store.remove(small);
    }
    const bytes = Buffer.from(
      Array.from({ length: 200_000 }, (_, i) => i % 251),
    );
    const parts = partsOf("large");
    const head = encodeHead(parts);
    const received = store.open(bytes.length + head.length);
    assert.ok(received !== undefined);
    for (let at = 0; at < bytes.length; at += 7777)
      assert.ok(received.append(bytes.subarray(at, at + 7777)));
    const body = received.stored(bytes.length);
    received.append(head);
    store.publish(parts, received, { body, stamp: 0, shadows: () => true });
    const entry = store.renewed("large");
    assert.ok(entry !== undefined && entry.body.only === undefined);
    assert.equal(entry.body.length, bytes.length);
    const read: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const piece = entry?.body.read(at);
      assert.ok(piece !== undefined);
      read.push(piece);
      at += piece.length;
    }
    assert.ok(Buffer.concat(read).equals(bytes));
    assert.ok(entry?.body.read(199_999)?.equals(bytes.subarray(199_999)));
  });

  test("limits the answers of one key", () => {
    const { store } = stage(1e6, { maxVariants: 3 });
    const parts = partsOf("k");
    for (let i = 0; i < 5; i++) {
      const head = encodeHead(parts);
      const received = store.open(head.length);
      assert.ok(received !== undefined && received.append(head));
      store.publish(parts, received, {
        body: received.stored(0),
        stamp: 0,
        shadows: () => false,
      });
    }
    assert.equal(store.size.entries, 3);
  });

  test("never gives away what is held, and frees it with the last who lets go", () => {
    const { store, keeper } = stage(60_000);
    const held = put(store, "held", 3000, 7);
    assert.ok(held !== undefined && held.body.hold());
    assert.ok(held.body.hold());
    const { pinnedBytes } = store.size;
    assert.equal(pinnedBytes, 3072);
    for (let i = 0; i < 200; i++) put(store, `k${i}`, 2000, 1);
    store.removeKey("held");
    for (let i = 0; i < 200; i++) put(store, `k${i}`, 2000, 2);
    assert.ok(held.body.only?.equals(Buffer.alloc(3000, 7)));
    assert.equal(isThere(store, "held"), false);
    held.body.release();
    store.removeWhere(() => true);
    assert.equal(store.size.bytes, 3072);
    held.body.release();
    assert.deepEqual([store.size.bytes, store.size.pinnedBytes], [0, 0]);
    assert.equal(held.body.hold(), false);
    keeper.check();
  });

  test("stores nothing more while all of it is held, and goes on after that", () => {
    const { store, keeper } = stage(40_000);
    const held: Entry[] = [];
    for (let i = 0; i < 40; i++) {
      const entry = put(store, `k${i}`, 1500);
      if (entry?.body.hold() === true) held.push(entry);
    }
    assert.ok(held.length > 8 && held.length < 40);
    assert.equal(put(store, "another", 1500), undefined);
    assert.equal(store.size.entries, held.length);
    for (const { body } of held) body.release();
    assert.ok(put(store, "another", 1500));
    keeper.check();
  });

  test("keeps what was guarded last as it is until the next is", () => {
    const { stores, store, keeper } = stage(60_000, { workers: 2 });
    const [, other] = stores;
    assert.ok(other !== undefined);
    put(store, "a", 1000, 7);
    const seen = other.renewed("a");
    assert.ok(seen !== undefined && other.guard(seen));
    store.removeKey("a");
    for (let i = 0; i < 200; i++) put(store, `k${i}`, 1000, 1);
    assert.ok(seen.body.only?.equals(Buffer.alloc(1000, 7)));
    store.removeWhere(() => true);
    assert.notEqual(store.size.bytes, 0);
    other.tidy();
    assert.equal(store.size.bytes, 0);
    assert.equal(other.guard(seen), false);
    keeper.check();
  });

  test("tells a key from another with the same hash", () => {
    const { memory, stores, store } = stage(100_000, { workers: 2 });
    const [, other] = stores;
    const entry = put(store, "k", 10);
    assert.ok(entry !== undefined && other !== undefined);
    // As if "k" and "x" had one hash: the key that lies there is another.
    const at = new Int32Array(memory.recordWords)[
      entry.slot * RECORD_WORDS + RECORD.firstBlock
    ];
    const arena = Buffer.from(memory.arena, ((at ?? 0) - 1) * UNIT_BYTES);
    assert.equal(arena.toString("latin1", 10, 11), "k");
    arena.write("x", 10);
    assert.equal(other.renewed("k"), undefined);
  });
});
