import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  CacheBench,
  context,
  fieldList,
  forwarded,
  request,
  SECOND,
} from "./cache.fixture.ts";
import type { Fill } from "./types.ts";

interface Asked {
  readonly target: string;
  readonly x: string;
  readonly release: string;
}

const asked: fc.Arbitrary<Asked> = fc.record({
  target: fc.constantFrom("/a", "/b", "/c"),
  x: fc.constantFrom("1", "2"),
  release: fc.constantFrom("r1", "r2"),
});

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("exchange" as const),
      asked,
      lifetimeS: fc.integer({ min: 1, max: 30 }),
      varies: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("ask" as const), asked }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      seconds: fc.nat(20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("purge" as const),
      target: fc.constantFrom("/a", "/b", "/c"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("post" as const), asked }),
  },
);

/** What a cache without a bound knows: every answer ever stored, newest first. */
interface Known extends Asked {
  readonly varies: boolean;
  readonly untilMs: number;
  readonly body: string;
}

function heads({ target, x, release }: Asked) {
  return [
    request(`GET ${target}`, { "X-A": x }),
    context({ currentRelease: release }),
  ] as const;
}

describe("HttpCache", () => {
  test("answers what a plain list of all answers would, whatever happens", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bench = new CacheBench();
        let known: readonly Known[] = [];
        for (const [index, action] of steps.entries())
          switch (action.kind) {
            case "exchange": {
              const { asked: ask, lifetimeS, varies } = action;
              const [head, where] = heads(ask);
              const lookup = bench.lookup(head, where);
              if (lookup.kind === "hit") break;
              const body = `body ${index}`;
              bench.exchange(
                {
                  fields: {
                    "Cache-Control": `max-age=${lifetimeS}`,
                    ...(varies && { Vary: "X-A" }),
                  },
                  release: ask.release,
                  body,
                },
                head,
                where,
              );
              const untilMs = bench.nowMs + lifetimeS * SECOND;
              known = [{ ...ask, varies, untilMs, body }, ...known];
              break;
            }
            case "ask": {
              const [head, where] = heads(action.asked);
              const lookup = bench.lookup(head, where);
              const expected = known.find(
                (one) =>
                  one.target === action.asked.target &&
                  one.release === action.asked.release &&
                  (!one.varies || one.x === action.asked.x),
              );
              const isFresh =
                expected !== undefined && bench.nowMs < expected.untilMs;
              assert.equal(lookup.kind === "hit", isFresh);
              if (lookup.kind === "hit")
                assert.equal(lookup.entry.body.toString(), expected?.body);
              break;
            }
            case "wait":
              bench.after(action.seconds);
              break;
            case "purge":
              bench.cache.purge({
                kind: "url",
                service: "www",
                host: "www",
                target: action.target,
              });
              known = known.filter((one) => one.target !== action.target);
              break;
            case "post": {
              const { target } = action.asked;
              bench.cache.afterUnsafe(request(`POST ${target}`), context(), {
                status: 200,
                fields: [],
              });
              known = known.filter((one) => one.target !== target);
              break;
            }
            default:
              action satisfies never;
          }
      }),
      { numRuns: 200 },
    );
  });

  test("never takes more than its bound, answers on their way included, and gives all of it back", () => {
    const work = fc.record({
      target: fc.nat(30),
      bytes: fc.nat(9000),
      announced: fc.boolean(),
      chunk: fc.integer({ min: 1, max: 5000 }),
      end: fc.constantFrom("end", "abort", "short", "leave open"),
    });
    fc.assert(
      fc.property(fc.array(work, { maxLength: 60 }), (items) => {
        const maxBytes = 64_000;
        const bench = new CacheBench({ maxBytes, maxEntryBytes: 8000 });
        const open: Fill[] = [];
        for (const item of items) {
          const head = request(`GET /${item.target}`);
          const lookup = bench.lookup(head);
          if (lookup.kind === "hit") continue;
          const fill = bench.cache.beginFill(
            head,
            context(),
            forwarded(lookup),
          );
          assert.ok(fill !== undefined);
          const fields = fieldList({
            "Cache-Control": "max-age=60",
            ...(item.announced && { "Content-Length": String(item.bytes) }),
          });
          fill.head(200, fields, "r1", bench.nowMs);
          const bytes = item.end === "short" ? item.bytes >> 1 : item.bytes;
          for (let at = 0; at < bytes; at += item.chunk) {
            fill.data(Buffer.alloc(Math.min(item.chunk, bytes - at)));
            assert.ok(bench.cache.stats().bytes <= maxBytes);
          }
          if (item.end === "leave open") open.push(fill);
          else if (item.end === "abort") fill.abort();
          else fill.end();
          assert.ok(bench.cache.stats().bytes <= maxBytes);
        }
        for (const fill of open) fill.abort();
        bench.cache.clear();
        const { bytes, entries, fillsInFlight } = bench.cache.stats();
        assert.deepEqual([bytes, entries, fillsInFlight], [0, 0, 0]);
      }),
      { numRuns: 100 },
    );
  });

  test("keeps what is asked for again through a scan of what is not", () => {
    const bench = new CacheBench({ maxBytes: 50_000 });
    const fields = { "Cache-Control": "max-age=60" };
    bench.exchange({ fields }, request("GET /popular"));
    for (let i = 0; i < 200; i++) {
      assert.equal(bench.ask(request("GET /popular")), "fresh 0");
      bench.exchange({ fields }, request(`GET /scan/${i}`));
    }
    assert.ok(bench.cache.stats().evicted > 150);
  });

  test("refuses options out of their bounds", () => {
    assert.throws(() => new CacheBench({ maxVariants: 0 }), RangeError);
  });

  test("stores nothing where its bound is 0", () => {
    const bench = new CacheBench({ maxBytes: 0 });
    const fields = { "Cache-Control": "max-age=60" };
    assert.equal(bench.exchange({ fields }), "full");
    assert.equal(bench.ask(), "miss uri-miss");
  });

  test("counts what it does, by the words of its reasons", () => {
    const bench = new CacheBench();
    const fields = { "Cache-Control": "max-age=60", ETag: '"a"' };
    bench.exchange({ fields });
    bench.ask();
    bench.after(61).ask();
    bench.ask(request("POST /"));
    const stats = bench.cache.stats();
    assert.equal(stats.hits.fresh, 1);
    assert.equal(stats.forwarded["uri-miss"], 1);
    assert.equal(stats.forwarded.stale, 1);
    assert.equal(stats.forwarded.method, 1);
    assert.equal(stats.stored, 1);
    assert.equal(stats.entries, 1);
  });
});
