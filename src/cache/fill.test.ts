import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AnswerFill } from "./answer-fill.ts";
import {
  CacheBench,
  complete,
  context,
  fieldList,
  forwarded,
  Recorder,
  request,
} from "./cache.fixture.ts";

const FRESH = { "Cache-Control": "max-age=60" };
const FRESH_4 = fieldList({ ...FRESH, "Content-Length": "4" });

function joined(
  bench: CacheBench,
  asked = request(),
  where = context(),
): Recorder {
  const recorder = new Recorder();
  const lookup = forwarded(bench.lookup(asked, where));
  const fill = bench.cache.inFlight(asked, where, lookup);
  if (fill === undefined) recorder.events.push("alone");
  else fill.join(asked, where, recorder);
  return recorder;
}

describe("Fill", () => {
  test("copies the body", () => {
    for (const fields of [FRESH_4, fieldList(FRESH)]) {
      const bench = new CacheBench();
      const fill = bench.begin();
      fill.head(200, fields, "r1", bench.nowMs);
      const chunk = Buffer.from("ab");
      fill.data(chunk);
      chunk.fill(0);
      fill.data(Buffer.from("cd"));
      const stored = fill.end();
      assert.equal(stored?.body.toString(), "abcd");
      assert.equal(stored.body.length, 4);
    }
  });

  test("stores an answer without content", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    fill.head(204, fieldList(FRESH), "r1", bench.nowMs);
    assert.equal(fill.end()?.body.length, 0);
    assert.equal(bench.ask(), "fresh 0");
  });

  test("does not store a body that is not as long as announced (RFC 9111 §3.3)", () => {
    for (const body of ["abc", "abcde"]) {
      const bench = new CacheBench();
      const fill = bench.begin();
      fill.head(200, FRESH_4, "r1", bench.nowMs);
      fill.data(Buffer.from(body));
      assert.equal(fill.end(), undefined);
      assert.equal(bench.cache.stats().notStored["length-mismatch"], 1);
      assert.equal(bench.cache.stats().bytes, 0);
    }
  });

  test("does not store what is too large, announced or not, and gives the room back", () => {
    const bench = new CacheBench({ maxEntryBytes: 3 });
    assert.equal(
      bench.exchange({ fields: { ...FRESH, "Content-Length": "4" } }),
      "too-large",
    );
    assert.equal(bench.exchange({ fields: FRESH }), "not stored");
    assert.equal(bench.cache.stats().notStored["too-large"], 2);
    assert.equal(bench.cache.stats().bytes, 0);
  });

  test("heeds the service's own bound of one entry", () => {
    const where = context({ rules: { maxEntryBytes: 3 } });
    const bench = new CacheBench();
    assert.equal(
      bench.exchange({ fields: FRESH }, request(), where),
      "not stored",
    );
  });

  test("does not store when answers on their way take half of the bound", () => {
    const bench = new CacheBench({ maxBytes: 20_000 });
    const large = fieldList({ ...FRESH, "Content-Length": "6000" });
    const first = bench.begin(request("GET /1"));
    const second = bench.begin(request("GET /2"));
    assert.equal(first.head(200, large, "r1", bench.nowMs).store, true);
    assert.deepEqual(second.head(200, large, "r1", bench.nowMs), {
      store: false,
      because: "full",
    });
    first.abort();
    assert.equal(bench.cache.stats().bytes, 0);
  });

  test("is over once: what comes later is ignored", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    fill.abort();
    fill.abort();
    fill.data(Buffer.from("x"));
    assert.equal(fill.end(), undefined);
    assert.equal(fill.head(200, FRESH_4, "r1", bench.nowMs).store, false);
    assert.equal(bench.cache.stats().fillsInFlight, 0);
    assert.equal(bench.cache.stats().notStored.aborted, 1);
  });

  test("stores nothing that a purge, an invalidation or a clear overtakes", () => {
    const overtakers: readonly ((bench: CacheBench) => void)[] = [
      ({ cache }) => void cache.purge({ kind: "service", service: "www" }),
      ({ cache }) =>
        void cache.purge({ kind: "prefix", service: "www", prefix: "/" }),
      ({ cache }) =>
        void cache.purge({ kind: "tag", service: "www", tag: "t" }),
      ({ cache }) =>
        void cache.purge({
          kind: "url",
          service: "www",
          host: "www",
          target: "/",
        }),
      ({ cache }) => cache.clear(),
      ({ cache }) => cache.clear("www"),
      ({ cache }) =>
        cache.afterUnsafe(request("POST /"), context(), {
          status: 200,
          fields: [],
        }),
    ];
    for (const overtake of overtakers) {
      for (const afterHead of [false, true]) {
        const bench = new CacheBench();
        const fill = bench.begin();
        if (afterHead) fill.head(200, FRESH_4, "r1", bench.nowMs);
        overtake(bench);
        if (!afterHead) fill.head(200, FRESH_4, "r1", bench.nowMs);
        fill.data(Buffer.from("body"));
        assert.equal(fill.end(), undefined);
        assert.equal(bench.ask(), "miss uri-miss");
        assert.equal(bench.cache.stats().bytes, 0);
      }
    }
  });

  test("leaves its key's chain in any order", () => {
    for (const order of [
      [0, 1, 2],
      [1, 0, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const bench = new CacheBench();
      const fills = [bench.begin(), bench.begin(), bench.begin()];
      for (const index of order) fills[index]?.abort();
      for (const fill of fills)
        assert.ok(
          fill instanceof AnswerFill &&
            fill.newerOfKey === undefined &&
            fill.olderOfKey === undefined,
        );
      assert.equal(bench.cache.stats().fillsInFlight, 0);
    }
  });

  test("is not touched by what happens to other keys and services", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    bench.cache.clear("other");
    bench.cache.purge({ kind: "prefix", service: "www", prefix: "/a" });
    bench.cache.afterUnsafe(request("POST /a"), context(), {
      status: 200,
      fields: [],
    });
    assert.notEqual(
      typeof complete(fill, { fields: FRESH }, bench.nowMs),
      "string",
    );
  });
});

describe("HttpCache.inFlight()", () => {
  test("streams an announced body to who waits, whenever it came", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const early = joined(bench);
    fill.head(200, FRESH_4, "r1", bench.nowMs);
    fill.data(Buffer.from("bo"));
    const late = joined(bench);
    assert.deepEqual(late.events, ["head 200"]);
    assert.equal(fill.response?.bodyBytes, 4);
    assert.equal(fill.read(0)?.toString(), "bo");
    assert.equal(fill.read(2), undefined);
    fill.data(Buffer.from("dy"));
    assert.equal(fill.read(2)?.toString(), "dy");
    fill.end();
    assert.equal(fill.read(1)?.toString(), "ody");
    assert.deepEqual(early.events, ["head 200", "data", "data", "end stored"]);
    assert.deepEqual(late.events, ["head 200", "data", "end stored"]);
    assert.equal(bench.cache.stats().joined, 2);
    assert.deepEqual(joined(new CacheBench()).events, ["alone"]);
  });

  test("gives a body without announced length when all of it is there", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const waiter = joined(bench);
    fill.head(200, fieldList(FRESH), "r1", bench.nowMs);
    fill.data(Buffer.from("body"));
    assert.deepEqual(waiter.events, []);
    fill.end();
    assert.deepEqual(waiter.events, ["head 200", "end stored"]);
  });

  test("refuses all who wait when the answer is not stored, and lets nobody wait for the next", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const waiter = joined(bench);
    fill.head(
      200,
      fieldList({ "Cache-Control": "private" }),
      "r1",
      bench.nowMs,
    );
    assert.deepEqual(waiter.events, ["refused"]);
    bench.begin();
    assert.deepEqual(joined(bench).events, ["alone"]);
    bench.after(10).begin();
    assert.deepEqual(joined(bench).events, []);
  });

  test("refuses those whom the answer is not for", () => {
    const bench = new CacheBench();
    const fill = bench.begin(request("GET /", { "X-A": "1" }));
    const same = joined(bench, request("GET /", { "X-A": "1" }));
    const other = joined(bench, request("GET /", { "X-A": "2" }));
    const secret = joined(
      bench,
      request("GET /", { "X-A": "1", Authorization: "Basic eA==" }),
    );
    fill.head(200, [...FRESH_4, "Vary", "X-A"], "r1", bench.nowMs);
    assert.deepEqual(same.events, ["head 200"]);
    assert.deepEqual(other.events, ["refused"]);
    assert.deepEqual(secret.events, ["refused"]);
  });

  test("refuses all who wait when the answer must be validated each time", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const waiter = joined(bench);
    fill.head(
      200,
      fieldList({
        "Cache-Control": "no-cache",
        ETag: '"a"',
        "Content-Length": "4",
      }),
      "r1",
      bench.nowMs,
    );
    assert.deepEqual(waiter.events, ["refused"]);
  });

  test("refuses all who wait when the answer is of another release", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const waiter = joined(bench);
    fill.head(200, FRESH_4, "r0", bench.nowMs);
    assert.deepEqual(waiter.events, ["refused"]);
  });

  test("cuts those with a head, and only those, when the target breaks off", () => {
    const bench = new CacheBench();
    const headed = bench.begin(request("GET /1"));
    const cut = joined(bench, request("GET /1"));
    headed.head(200, FRESH_4, "r1", bench.nowMs);
    headed.abort();
    assert.deepEqual(cut.events, ["head 200", "aborted"]);
    const headless = bench.begin(request("GET /2"));
    const free = joined(bench, request("GET /2"));
    headless.abort();
    assert.deepEqual(free.events, ["refused"]);
  });

  test("lets nobody join after a purge or under another release", () => {
    const bench = new CacheBench();
    bench.begin();
    assert.deepEqual(
      joined(bench, request(), context({ currentRelease: "r2" })).events,
      ["alone"],
    );
    bench.cache.clear();
    assert.deepEqual(joined(bench).events, ["alone"]);
  });

  test("lets a reload and a range ask for themselves", () => {
    const bench = new CacheBench();
    bench.exchange({ fields: { ...FRESH, ETag: '"a"' } });
    const reload = request("GET /", { "Cache-Control": "no-cache" });
    bench.begin(reload);
    assert.deepEqual(joined(bench, reload).events, ["alone"]);
    const range = request("GET /r", { Range: "bytes=0-1" });
    bench.begin(range);
    assert.deepEqual(joined(bench, request("GET /r")).events, ["alone"]);
    assert.deepEqual(joined(bench, range).events, ["alone"]);
  });

  test("keeps nothing of a context that its caller uses again", () => {
    const bench = new CacheBench();
    const shared = { ...context() };
    bench.begin(request(), shared);
    shared.currentRelease = "r2";
    shared.service = "other";
    assert.deepEqual(joined(bench, request(), shared).events, ["alone"]);
    assert.deepEqual(joined(bench).events, []);
    assert.deepEqual(
      joined(bench, request(), context({ currentRelease: "r2" })).events,
      ["alone"],
    );
  });

  test("forgets who leaves", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const recorder = new Recorder();
    fill.join(request(), context(), recorder).leave();
    fill.head(200, FRESH_4, "r1", bench.nowMs);
    assert.deepEqual(recorder.events, []);
  });

  test("gives a refreshed answer to who waits for its validation", () => {
    const bench = new CacheBench();
    bench.exchange({ fields: { ...FRESH, ETag: '"a"' } });
    bench.after(61);
    const fill = bench.begin();
    const waiter = joined(bench);
    fill.notModified(fieldList({ ETag: '"a"' }), "r1", bench.nowMs);
    assert.deepEqual(waiter.events, ["head 200", "end stored"]);
    assert.equal(fill.read(0)?.toString(), "body");
  });

  test("tells who joins at the very end, or too late", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const late = new Recorder();
    complete(fill, { fields: FRESH }, bench.nowMs);
    fill.join(request(), context(), late);
    assert.deepEqual(late.events, ["head 200", "end stored"]);
    const aborted = bench.begin(request("GET /2"));
    aborted.abort();
    const tooLate = new Recorder();
    aborted.join(request("GET /2"), context(), tooLate);
    assert.deepEqual(tooLate.events, ["refused"]);
  });
});
