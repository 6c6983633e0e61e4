import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  CacheBench,
  complete,
  context,
  fieldList,
  forwarded,
  request,
  SECOND,
  stale,
} from "./cache.fixture.ts";
import { StoreKeeper } from "./store-keeper.ts";
import { createStoreMemory } from "./store-memory.ts";

const FRESH = { "Cache-Control": "max-age=60" };

/** The caches of some threads with one memory, here all in one thread. */
function stage(options: { workers?: number; maxBytes?: number } = {}) {
  const { workers = 2, maxBytes = 4_000_000 } = options;
  const memory = createStoreMemory({ maxBytes, workers });
  const benches = Array.from(
    { length: workers },
    (_, index) => new CacheBench({ memory, column: index + 1 }),
  );
  const [one, two] = benches;
  assert.ok(one !== undefined && two !== undefined);
  return { one, two, benches, keeper: new StoreKeeper(memory) };
}

describe("HttpCache with a memory that others share", () => {
  test("finds what another has stored, with all that belongs to it", () => {
    const { one, two } = stage();
    const fields = {
      ...FRESH,
      ETag: '"ü"',
      "Last-Modified": "Mon, 01 Dec 2025 00:00:00 GMT",
      "X-A": ["1", "2\xff"],
      Vary: "Accept, X-Absent",
    };
    const asked = request("GET /a?b", { Accept: "text/html, */*" });
    const stored = one.exchange({ fields, body: "whole" }, asked);
    assert.ok(typeof stored !== "string");
    const found = two.lookup(asked);
    assert.equal(found.kind, "hit");
    assert.ok(found.kind === "hit" && found.entry !== stored);
    const { body, prepared, ...rest } = found.entry;
    const { body: ownBody, prepared: ownPrepared, ...own } = stored;
    assert.equal(prepared, ownPrepared);
    assert.equal(body.toString(), ownBody.toString());
    assert.deepEqual(
      { ...rest, bucket: 0, version: 0 },
      { ...own, bucket: 0, version: 0 },
    );
    assert.equal(
      two.ask(request("GET /a?b", { Accept: "image/png" })),
      "miss vary-miss",
    );
    assert.equal(
      two.ask(asked, context({ currentRelease: "r2" })),
      "miss release-miss",
    );
  });

  test("finds nothing any more that another has removed", () => {
    const removals: readonly ((bench: CacheBench) => void)[] = [
      ({ cache }) => void cache.purge({ kind: "service", service: "www" }),
      ({ cache }) =>
        void cache.purge({ kind: "prefix", service: "www", prefix: "/" }),
      ({ cache }) =>
        void cache.purge({
          kind: "url",
          service: "www",
          host: "www",
          target: "/",
        }),
      ({ cache }) =>
        void cache.purge({ kind: "tag", service: "www", tag: "t" }),
      ({ cache }) =>
        void cache.purge({ kind: "tag", service: "www", tag: 'q"' }),
      ({ cache }) => cache.clear("www"),
      ({ cache }) => cache.clear(),
      ({ cache }) =>
        cache.afterUnsafe(request("POST /"), context(), {
          status: 200,
          fields: [],
        }),
    ];
    for (const remove of removals) {
      const { one, two } = stage();
      one.exchange({ fields: { ...FRESH, "Surrogate-Key": 't q"' } });
      assert.equal(two.ask(), "fresh 0");
      assert.equal(one.ask(), "fresh 0");
      remove(two);
      assert.equal(one.ask(), "miss uri-miss");
      assert.equal(two.ask(), "miss uri-miss");
      one.cache.tidy();
      two.cache.tidy();
      assert.equal(one.cache.stats().bytes, 0);
    }
  });

  test("keeps out what another has invalidated while it was received", () => {
    for (const afterHead of [false, true]) {
      const { one, two } = stage();
      const fill = one.begin();
      const other = one.begin(request("GET /other"));
      const head = () => fill.head(200, fieldList(FRESH), "r1", one.nowMs);
      if (afterHead) head();
      two.cache.afterUnsafe(request("POST /"), context(), {
        status: 200,
        fields: [],
      });
      if (!afterHead) head();
      fill.data(Buffer.from("old"));
      assert.equal(fill.end(), undefined);
      assert.equal(one.cache.stats().notStored.purged, 1);
      assert.equal(two.ask(), "miss uri-miss");
      assert.ok(
        typeof complete(other, { fields: FRESH }, one.nowMs) !== "string",
      );
    }
  });

  test("sees what another has refreshed, and refreshes what another has stored", () => {
    const { one, two } = stage();
    const fields = { ...FRESH, ETag: '"a"' };
    one.exchange({ fields, body: "whole" });
    assert.equal(two.ask(), "fresh 0");
    one.after(61);
    two.after(61);
    const first = two.begin();
    const second = one.begin();
    const longer = fieldList({ ETag: '"a"', "Cache-Control": "max-age=90" });
    assert.equal(
      first.notModified(longer, "r1", two.nowMs)?.body.toString(),
      "whole",
    );
    assert.equal(one.ask(), "fresh 0");
    // Validated at the same time: neither is for nothing.
    const long = fieldList({ ETag: '"a"', "X-Long": "x".repeat(5000) });
    assert.equal(
      second.notModified(long, "r1", one.nowMs)?.body.toString(),
      "whole",
    );
    const found = two.lookup();
    assert.ok(found.kind === "hit" && found.entry.fields.includes("X-Long"));
    assert.equal(one.cache.stats().entries, 1);
  });

  test("keeps a stale answer that it validates, whatever others do", () => {
    const { one, two } = stage({ maxBytes: 200_000 });
    one.exchange({ fields: { ...FRESH, ETag: '"a"' }, body: "stale" });
    const lookup = stale(one.after(61).lookup());
    const fill = one.cache.beginFill(request(), context(), lookup);
    two.cache.clear();
    for (let i = 0; i < 300; i++)
      two.exchange(
        { fields: FRESH, body: "x".repeat(1500) },
        request(`GET /${i}`),
      );
    assert.equal(lookup.entry.body.toString(), "stale");
    fill?.abort();
    one.cache.tidy();
    assert.equal(lookup.entry.body.hold(), false);
  });

  test("waits for what another is receiving, until it is there", async () => {
    const { one, two } = stage();
    const fill = one.begin();
    const lookup = forwarded(two.lookup());
    const asked = [request(), context(), lookup] as const;
    const wait = two.cache.inFlightElsewhere(...asked);
    assert.equal(wait?.isReceiving, false);
    const headCame = wait.changed(10_000);
    fill.head(200, fieldList(FRESH), "r1", one.nowMs);
    await headCame;
    const receiving = two.cache.stillInFlightElsewhere(context(), lookup);
    assert.equal(receiving?.isReceiving, true);
    const bodyCame = receiving.changed(10_000);
    fill.data(Buffer.from("body"));
    fill.end();
    await bodyCame;
    assert.equal(
      two.cache.stillInFlightElsewhere(context(), lookup),
      undefined,
    );
    assert.equal(two.cache.inFlightElsewhere(...asked)?.isOver, true);
    const arrived = two.cache.arrived(...asked, two.nowMs);
    assert.equal(arrived?.body.toString(), "body");
    assert.equal(two.cache.stats().joined, 1);
  });

  test("claims what it is about to ask for, before it asks", () => {
    const { one, two } = stage();
    const [first, second] = [one, two].map((bench) =>
      forwarded(bench.lookup()),
    );
    assert.ok(first !== undefined && second !== undefined);
    const asked = [request(), context()] as const;
    assert.equal(one.cache.inFlightElsewhere(...asked, first), undefined);
    assert.ok(two.cache.inFlightElsewhere(...asked, second));
    // It did not ask after all.
    one.cache.tidy();
    assert.equal(two.cache.inFlightElsewhere(...asked, second), undefined);
    const fill = two.cache.beginFill(...asked, second);
    assert.ok(one.cache.inFlightElsewhere(...asked, first));
    fill?.abort();
    assert.equal(one.cache.inFlightElsewhere(...asked, first), undefined);
  });

  test("does not wait for what is not stored, is of another release, or is one's own", async () => {
    const { one, two } = stage();
    const fill = one.begin();
    const lookup = forwarded(two.lookup());
    const wait = two.cache.inFlightElsewhere(request(), context(), lookup);
    assert.equal(
      two.cache.inFlightElsewhere(
        request(),
        context({ currentRelease: "r2" }),
        lookup,
      ),
      undefined,
    );
    assert.equal(
      one.cache.inFlightElsewhere(
        request(),
        context(),
        forwarded(one.lookup()),
      ),
      undefined,
    );
    const over = wait?.changed(10_000);
    fill.head(200, fieldList({ "Cache-Control": "private" }), "r1", one.nowMs);
    await over;
    assert.equal(
      two.cache.arrived(request(), context(), lookup, two.nowMs),
      undefined,
    );
    two.cache.waitedInVain(lookup, two.nowMs);
    // Nobody waits for the next one either.
    one.begin();
    assert.equal(
      two.cache.inFlightElsewhere(request(), context(), lookup),
      undefined,
    );
  });

  test("gives back what a thread that has ended had in work", async () => {
    const { one, two, keeper } = stage();
    one.exchange({ fields: { ...FRESH, ETag: '"a"' } }, request("GET /stored"));
    one
      .begin(request("GET /half"))
      .head(
        200,
        fieldList({ ...FRESH, "Content-Length": "100000" }),
        "r1",
        one.nowMs,
      );
    const held = one.lookup(request("GET /stored"));
    assert.ok(held.kind === "hit" && held.entry.body.hold());
    const lookup = forwarded(two.lookup(request("GET /half")));
    const wait = two.cache.inFlightElsewhere(
      request("GET /half"),
      context(),
      lookup,
    );
    const over = wait?.changed(10_000);
    two.cache.purge({ kind: "service", service: "www" });
    assert.ok(two.cache.stats().bytes > 100_000);
    assert.equal(keeper.repair(1), "repaired");
    await over;
    assert.equal(two.cache.stats().bytes, 0);
    keeper.check();
  });

  test("answers what a plain list of all answers would, whichever is asked", () => {
    const which = fc.nat(2);
    const target = fc.constantFrom("/a", "/b", "/c");
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constant("exchange" as const),
          which,
          target,
          x: fc.constantFrom("1", "2"),
          varies: fc.boolean(),
          lifetimeS: fc.integer({ min: 1, max: 30 }),
        }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant("ask" as const),
          which,
          target,
          x: fc.constantFrom("1", "2"),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("wait" as const),
          seconds: fc.nat(20),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("purge" as const),
          which,
          target,
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("post" as const),
          which,
          target,
        }),
      },
    );
    interface Known {
      readonly target: string;
      readonly x: string;
      readonly varies: boolean;
      readonly untilMs: number;
      readonly body: string;
    }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { benches, keeper } = stage({ workers: 3 });
        let known: Known[] = [];
        let nowMs = benches[0]?.nowMs ?? 0;
        for (const [index, action] of steps.entries()) {
          if (action.kind === "wait") {
            for (const bench of benches) bench.after(action.seconds);
            nowMs += action.seconds * SECOND;
            continue;
          }
          const bench = benches[action.which];
          assert.ok(bench !== undefined);
          if (action.kind === "exchange") {
            const { x, varies, lifetimeS } = action;
            const head = request(`GET ${action.target}`, { "X-A": x });
            if (bench.lookup(head).kind === "hit") continue;
            const body = `body ${index}`;
            const fields = {
              "Cache-Control": `max-age=${lifetimeS}`,
              ...(varies && { Vary: "X-A" }),
            };
            bench.exchange({ fields, body }, head);
            const untilMs = nowMs + lifetimeS * SECOND;
            known = [
              { target: action.target, x, varies, untilMs, body },
              ...known,
            ];
          } else if (action.kind === "ask") {
            const { x } = action;
            const lookup = bench.lookup(
              request(`GET ${action.target}`, { "X-A": x }),
            );
            const expected = known.find(
              (one) =>
                one.target === action.target && (!one.varies || one.x === x),
            );
            const isFresh = expected !== undefined && nowMs < expected.untilMs;
            assert.equal(lookup.kind === "hit", isFresh);
            if (lookup.kind === "hit")
              assert.equal(lookup.entry.body.toString(), expected?.body);
          } else {
            if (action.kind === "purge")
              bench.cache.purge({
                kind: "url",
                service: "www",
                host: "www",
                target: action.target,
              });
            else
              bench.cache.afterUnsafe(
                request(`POST ${action.target}`),
                context(),
                {
                  status: 200,
                  fields: [],
                },
              );
            known = known.filter((one) => one.target !== action.target);
          }
        }
        keeper.check();
      }),
      { numRuns: 150 },
    );
  });
});
