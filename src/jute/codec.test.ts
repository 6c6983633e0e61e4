import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as jute from "./index.ts";
import { type Codec, decode, encode } from "./index.ts";

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: "binary", maxLength: 100 }).map((value) =>
  // Lone surrogates have no UTF-8 form.
  value.toWellFormed(),
);
const bytes = fc
  .option(fc.uint8Array({ maxLength: 300 }))
  .map((value) => (value === null ? null : Buffer.from(value)));
const id = records({ scheme: text, id: text });
const acl = records({ perms: int32, id });
const stat = records({
  czxid: int64,
  mzxid: int64,
  ctime: int64,
  mtime: int64,
  version: int32,
  cversion: int32,
  aversion: int32,
  ephemeralOwner: int64,
  dataLength: int32,
  numChildren: int32,
  pzxid: int64,
});
const texts = fc.array(text, { maxLength: 5 });

/** Plain objects, as the codecs answer them. */
function records<T>(model: {
  readonly [K in keyof T]: fc.Arbitrary<T[K]>;
}): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

function holds<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const encoded = encode(codec, value);
      assert.deepEqual(decode(codec, encoded), {
        kind: "value",
        value,
        size: encoded.length,
      });
      for (let end = 0; end < encoded.length; end += 3) {
        const part = decode(codec, encoded.subarray(0, end));
        // A trailing field may be left out, so that a part can be whole.
        if (part.kind === "value") assert.ok(part.size <= end);
      }
    }),
    { numRuns: 60 },
  );
}

test("record() reads back what it wrote: CreateRequest", () => {
  holds(
    jute.CreateRequest,
    records({
      path: text,
      data: bytes,
      acl: fc.array(acl, { maxLength: 4 }),
      flags: int32,
    }),
  );
});

test("record() reads back what it wrote: ConnectRequest with and without readOnly", () => {
  holds(
    jute.ConnectRequest,
    records({
      protocolVersion: int32,
      lastZxidSeen: int64,
      timeOut: int32,
      sessionId: int64,
      passwd: bytes,
      readOnly: fc.option(fc.boolean(), { nil: undefined }),
    }),
  );
});

test("record() reads back what it wrote: GetACLResponse, GetChildren2Response, SetWatches2", () => {
  holds(
    jute.GetACLResponse,
    records({ acl: fc.array(acl, { maxLength: 4 }), stat }),
  );
  holds(jute.GetChildren2Response, records({ children: texts, stat }));
  holds(
    jute.SetWatches2,
    records({
      relativeZxid: int64,
      dataWatches: texts,
      existWatches: texts,
      childWatches: texts,
      persistentWatches: texts,
      persistentRecursiveWatches: texts,
    }),
  );
});

test("decode() never throws and never answers more than it was given, whatever the bytes", () => {
  const exported: readonly unknown[] = Object.values(jute);
  const codecs = exported.filter(isCodec);
  assert.ok(codecs.length > 40);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 120 }),
      fc.nat(codecs.length - 1),
      (input, which) => {
        const codec = codecs[which];
        assert.ok(codec !== undefined);
        const result = decode(codec, Buffer.from(input));
        if (result.kind === "value") assert.ok(result.size <= input.length);
      },
    ),
    { numRuns: 3_000 },
  );
});

function isCodec(value: unknown): value is Codec<unknown> {
  return typeof value === "object" && value !== null && "minBytes" in value;
}

test("decode() refuses a vector that the frame cannot hold, before it allocates", () => {
  const hostile = Buffer.from("7fffffff00000000", "hex");
  assert.deepEqual(decode(jute.GetChildrenResponse, hostile), {
    kind: "reject",
    code: "vector-too-long",
  });
});

test("decode() refuses a length below -1 and reads -1 as null or empty", () => {
  const reject = { kind: "reject", code: "negative-length" };
  assert.deepEqual(decode(jute.buffer, Buffer.from("fffffffe", "hex")), reject);
  assert.deepEqual(
    decode(jute.ustring, Buffer.from("fffffffe", "hex")),
    reject,
  );
  const nothing = Buffer.from("ffffffff", "hex");
  assert.deepEqual(decode(jute.buffer, nothing), {
    kind: "value",
    value: null,
    size: 4,
  });
  assert.deepEqual(decode(jute.ustring, nothing), {
    kind: "value",
    value: "",
    size: 4,
  });
});

test("errorName() names known codes and none other", () => {
  assert.equal(jute.errorName(-101), "no-node");
  assert.equal(jute.errorName(-127), "throttled-op");
  assert.equal(jute.errorName(-1_237_188_481), "unknown-error");
});

test("sessionIdText() prints hexadecimal, also for ids above 2^63", () => {
  assert.equal(
    jute.sessionIdText(jute.toSessionId(-0x7fff_ffff_ffff_fff0n)),
    "0x8000000000000010",
  );
});
