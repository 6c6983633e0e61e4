import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOf } from "./measure.ts";
import { CONTENTS } from "./scenarios.ts";

const good = { status: 200, bytes: 4096 };

test("faultOf() takes an answer from the store by any contender's word for it", () => {
  for (const headers of [
    { "x-cache": "HIT" },
    { age: "3" },
    { "cache-status": "zoogate; hit; ttl=9" },
  ])
    assert.equal(faultOf({ ...good, headers }, CONTENTS.cached), undefined);
});

test("faultOf() refuses answers from the wrong place, wrong length or status", () => {
  assert.match(
    faultOf({ ...good, headers: { age: "3" } }, CONTENTS.uncached) ?? "",
    /from its store/,
  );
  assert.match(
    faultOf(
      { ...good, headers: { "cache-status": "zoogate; fwd=miss" } },
      CONTENTS.cached,
    ) ?? "",
    /not from its store/,
  );
  assert.match(
    faultOf({ ...good, bytes: 5, headers: {} }, CONTENTS.uncached) ?? "",
    /5 bytes/,
  );
  assert.match(
    faultOf({ ...good, status: 502, headers: {} }, CONTENTS.uncached) ?? "",
    /502/,
  );
});
