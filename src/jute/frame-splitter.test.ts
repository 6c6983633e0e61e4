import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameSplitter, FrameWriter, Reader } from "./index.ts";

function framesOf(bodies: readonly Uint8Array[]): Buffer {
  const frames = new FrameWriter();
  for (const body of bodies) {
    frames.begin().raw(body);
    frames.end();
  }
  return frames.take();
}

/** Feeds chunks through one buffer that is overwritten each time, as a socket does. */
function split(
  splitter: FrameSplitter,
  stream: Buffer,
  chunkBytes: number,
): Buffer[] {
  const shared = Buffer.alloc(chunkBytes);
  const bodies: Buffer[] = [];
  for (let start = 0; start < stream.length; start += chunkBytes) {
    shared.fill(0xee);
    const count = stream.copy(shared, 0, start, start + chunkBytes);
    splitter.push(shared, count);
    for (
      let frame = splitter.next();
      frame !== undefined;
      frame = splitter.next()
    )
      bodies.push(frame.rest());
  }
  return bodies;
}

test("FrameSplitter finds the same frames at every chunk size", () => {
  const bodies = [0, 1, 3, 4, 5, 70, 2].map((size, index) =>
    Buffer.alloc(size, index + 1),
  );
  const stream = framesOf(bodies);
  for (let chunkBytes = 1; chunkBytes <= stream.length; chunkBytes++)
    assert.deepEqual(split(new FrameSplitter(), stream, chunkBytes), bodies);
});

test("FrameSplitter finds the same frames in random streams", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 8_000 }),
      (bodies, chunkBytes) => {
        const found = split(new FrameSplitter(), framesOf(bodies), chunkBytes);
        assert.deepEqual(
          found,
          bodies.map((body) => Buffer.from(body)),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test("FrameSplitter refuses a chunk while the last one was not read out", () => {
  const stream = framesOf([Buffer.from("one"), Buffer.from("two")]);
  const splitter = new FrameSplitter();
  splitter.push(stream);
  assert.equal(splitter.next()?.rest().toString(), "one");
  assert.throws(() => splitter.push(stream), TypeError);
});

test("FrameSplitter rejects a frame above the limit and a negative length, and stays so", () => {
  const large = new FrameSplitter({ maxFrameBytes: 10 });
  large.push(Buffer.from("0000000b", "hex"));
  assert.equal(large.next(), undefined);
  assert.deepEqual(large.rejection, { code: "frame-too-large", length: 11 });
  large.push(framesOf([Buffer.from("x")]));
  assert.equal(large.next(), undefined);

  const negative = new FrameSplitter();
  negative.push(Buffer.from("ff", "hex"));
  assert.equal(negative.next(), undefined);
  negative.push(Buffer.from("fffffe", "hex"));
  assert.equal(negative.next(), undefined);
  assert.deepEqual(negative.rejection, {
    code: "negative-frame-length",
    length: -2,
  });
});

test("FrameSplitter holds no more than what came, whatever length is announced", () => {
  const splitter = new FrameSplitter({ maxFrameBytes: 1_000_000 });
  splitter.push(Buffer.from("000f424000", "hex"));
  assert.equal(splitter.next(), undefined);
  assert.equal(splitter.heldBytes, 5);
});

test("FrameWriter keeps what was taken while it fills on", () => {
  const frames = new FrameWriter();
  const taken: Buffer[] = [];
  const expected: string[] = [];
  for (let round = 0; round < 40; round++) {
    const body = String(round).repeat(3_000);
    frames.begin().ustring(body);
    assert.equal(frames.end(), 4 + body.length);
    taken.push(frames.take());
    expected.push(body);
  }
  const found = taken.map((bytes) => {
    const reader = new Reader(bytes);
    reader.int();
    return reader.ustring();
  });
  assert.deepEqual(found, expected);
});

test("FrameWriter.cancel() drops the open frame only", () => {
  const frames = new FrameWriter();
  frames.begin().int(1);
  frames.end();
  frames.begin().int(2);
  frames.cancel();
  frames.begin().int(3);
  frames.end();
  assert.equal(
    frames.take().toString("hex"),
    "00000004000000010000000400000003",
  );
});
