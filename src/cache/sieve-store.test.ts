import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Entry } from "./entry.ts";
import { SieveStore } from "./sieve-store.ts";
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

function entry(key: string, bodyBytes = 0): Entry {
  return new Entry({
    key,
    service: "www",
    selector: ANY_REQUEST,
    release: undefined,
    status: 200,
    fields: [],
    targetedControl: undefined,
    body: Buffer.alloc(bodyBytes),
    etag: undefined,
    lastModifiedMs: undefined,
    dateMs: 0,
    storedAtMs: 0,
    terms: TERMS,
  });
}

/** SIEVE as the paper writes it, on an array: index 0 is the newest. */
class NaiveSieve {
  queue: { key: string; bytes: number; visited: boolean }[] = [];
  hand: { key: string } | undefined;
  reserved = 0;
  readonly maxBytes: number;
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }
  get bytes(): number {
    return this.queue.reduce((sum, item) => sum + item.bytes, this.reserved);
  }
  remove(key: string): void {
    const index = this.queue.findIndex((item) => item.key === key);
    if (index < 0) return;
    if (this.hand === this.queue[index]) this.hand = this.queue[index - 1];
    this.queue.splice(index, 1);
  }
  makeRoom(bytes: number): void {
    while (this.bytes + bytes > this.maxBytes && this.queue.length > 0) {
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
  }
  add(key: string, bytes: number): void {
    if (this.reserved + bytes > this.maxBytes) return;
    this.makeRoom(bytes);
    this.queue.unshift({ key, bytes, visited: false });
  }
  reserve(bytes: number): void {
    if (this.reserved + bytes > this.maxBytes / 2) return;
    this.makeRoom(bytes);
    this.reserved += bytes;
  }
}

const key = fc.integer({ min: 0, max: 12 }).map((n) => `k${n}`);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      key,
      bytes: fc.nat(3000),
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
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("reserve" as const),
      bytes: fc.nat(12_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("unreserve" as const) }),
  },
);

describe("SieveStore", () => {
  test("keeps what plain SIEVE keeps, and never more than its bound", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const maxBytes = 20_000;
        const store = new SieveStore({ maxBytes, maxVariants: 4 });
        const naive = new NaiveSieve(maxBytes);
        for (const action of steps) {
          switch (action.kind) {
            case "put": {
              const made = entry(action.key, action.bytes);
              const old = store.first(action.key);
              if (old !== undefined) store.remove(old);
              naive.remove(action.key);
              store.add(made);
              naive.add(action.key, made.chargedBytes);
              break;
            }
            case "hit": {
              const found = store.first(action.key);
              if (found !== undefined) found.visited = true;
              for (const item of naive.queue)
                if (item.key === action.key) item.visited = true;
              break;
            }
            case "remove": {
              const found = store.first(action.key);
              if (found !== undefined) store.remove(found);
              naive.remove(action.key);
              break;
            }
            case "reserve":
              store.reserve(action.bytes);
              naive.reserve(action.bytes);
              break;
            case "unreserve":
              store.unreserve(store.reservedBytes);
              naive.reserved = 0;
              break;
            default:
              action satisfies never;
          }
          assert.ok(store.bytes <= maxBytes);
          assert.equal(store.bytes, naive.bytes);
          const keys = [...store.entries()].map((kept) => kept.key);
          assert.deepEqual(
            keys,
            naive.queue.map((item) => item.key),
          );
          assert.equal(store.count, keys.length);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("keeps what was asked for twice through a scan ten times its size", () => {
    const store = new SieveStore({ maxBytes: 100_000, maxVariants: 1 });
    for (let i = 0; i < 20; i++) {
      const popular = entry(`popular ${i}`);
      store.add(popular);
      popular.visited = true;
    }
    for (let i = 0; i < 1000; i++) {
      store.add(entry(`scan ${i}`));
      for (let j = 0; j < 20; j++) {
        const popular = store.first(`popular ${j}`);
        assert.ok(popular !== undefined, `popular ${j} left at scan ${i}`);
        popular.visited = true;
      }
    }
    assert.ok(store.evicted > 900);
  });

  test("limits the answers of one key", () => {
    const store = new SieveStore({ maxBytes: 1e6, maxVariants: 3 });
    const entries = Array.from({ length: 5 }, () => entry("k"));
    for (const made of entries) store.add(made);
    assert.deepEqual(
      entries.map((made) => made.stored),
      [false, false, true, true, true],
    );
    assert.equal(store.first("k"), entries[4]);
  });

  test("refuses what is larger than its bound without evicting", () => {
    const store = new SieveStore({ maxBytes: 20_000, maxVariants: 1 });
    store.add(entry("small"));
    assert.equal(store.add(entry("large", 20_000)), false);
    assert.equal(store.reserve(12_000), false);
    assert.equal(store.count, 1);
  });
});
