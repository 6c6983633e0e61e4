import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CHUNKED_BODIES } from "../../test/vectors/http/chunked-bodies.ts";
import {
  bodyReader,
  chunkHeader,
  ChunkedReader,
  DEFAULT_CHUNKED_LIMITS,
  lastChunk,
  MAX_CHUNK_HEADER_BYTES,
  writeChunkHeader,
} from "./index.ts";

interface Outcome {
  readonly event: string;
  readonly data: string;
  readonly passed: string;
}

/** Reads `text` in steps; every arrival is a buffer of its own, overwritten afterwards. */
function readInSteps(
  reader: ChunkedReader,
  text: string,
  step: number,
): Outcome {
  let data = "";
  let used = 0;
  for (let from = 0; from < text.length; from += step) {
    const bytes = Buffer.from(
      `??${text.slice(from, from + step)}0\r\n\r\n`,
      "latin1",
    );
    const to = 2 + Math.min(step, text.length - from);
    let at = 2;
    let event = reader.read(bytes, at, to);
    while (event === "data") {
      data += bytes.toString("latin1", reader.dataStart, reader.dataEnd);
      at = reader.position;
      event = reader.read(bytes, at, to);
    }
    used += reader.position - 2;
    bytes.fill(0xff);
    if (event !== "more")
      return {
        event: reader.fault ?? event,
        data,
        passed: text.slice(0, used),
      };
  }
  return { event: "more", data, passed: text.slice(0, used) };
}

function followInSteps(
  reader: ChunkedReader,
  text: string,
  step: number,
): Outcome {
  let passed = "";
  for (let from = 0; from < text.length; from += step) {
    const bytes = Buffer.from(text.slice(from, from + step), "latin1");
    const event = reader.follow(bytes, 0, bytes.length);
    passed += bytes.toString("latin1", 0, reader.position);
    if (event !== "more")
      return { event: reader.fault ?? event, data: "", passed };
  }
  return { event: "more", data: "", passed };
}

describe("ChunkedReader", () => {
  for (const vector of CHUNKED_BODIES) {
    const limits = {
      ...DEFAULT_CHUNKED_LIMITS,
      allowPaddedSizes: vector.allowPaddedSizes === true,
    };
    const { bytes, expect } = vector;
    it(`reads the same at every split: ${vector.name}`, () => {
      for (let step = 1; step <= bytes.length; step++) {
        const reader = new ChunkedReader(limits);
        const read = readInSteps(reader, bytes, step);
        const follower = new ChunkedReader(limits);
        const followed = followInSteps(follower, bytes, step);
        assert.equal(followed.event, read.event);
        assert.equal(followed.passed, read.passed);
        assert.equal(follower.dataBytes, reader.dataBytes);
        if (typeof expect === "string") {
          assert.equal(read.event, expect);
          assert.equal(reader.done, false);
          continue;
        }
        assert.equal(read.event, "end");
        assert.equal(read.data, expect.data);
        assert.equal(
          read.passed,
          bytes.slice(0, bytes.length - (expect.rest?.length ?? 0)),
        );
        assert.deepEqual(reader.trailers, expect.trailers ?? []);
        assert.deepEqual(follower.trailers, expect.trailers ?? []);
        assert.ok(reader.close());
      }
    });
  }

  it("copies nothing: ranges are indexes into the buffer handed in", () => {
    const bytes = Buffer.from("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    const reader = new ChunkedReader();
    assert.equal(reader.read(bytes, 0, bytes.length), "data");
    assert.deepEqual([reader.dataStart, reader.dataEnd], [3, 6]);
    assert.equal(reader.read(bytes, reader.position, bytes.length), "data");
    assert.deepEqual([reader.dataStart, reader.dataEnd], [11, 13]);
    assert.equal(reader.read(bytes, reader.position, bytes.length), "end");
    assert.equal(reader.position, bytes.length);
  });

  it("says that content cut short is not whole", () => {
    const text = "3\r\nabc\r\n0\r\nX: y\r\n\r\n";
    for (let length = 0; length < text.length; length++) {
      const reader = new ChunkedReader();
      readInSteps(reader, text.slice(0, length), 4);
      assert.equal(reader.close(), false);
    }
  });

  it("stays refused whatever follows", () => {
    const reader = new ChunkedReader();
    const bad = Buffer.from("x");
    assert.equal(reader.read(bad, 0, 1), "reject");
    const good = Buffer.from("0\r\n\r\n");
    assert.equal(reader.read(good, 0, good.length), "reject");
    assert.equal(reader.follow(good, 0, good.length), "reject");
    assert.equal(reader.position, 0);
  });

  it("takes trailers up to its limit and not a byte more", () => {
    const limits = { ...DEFAULT_CHUNKED_LIMITS, maxTrailerBytes: 20 };
    const read = (value: string) => {
      const reader = new ChunkedReader(limits);
      return readInSteps(reader, `0\r\nX: ${value}\r\n\r\n`, 100).event;
    };
    assert.equal(read("y".repeat(15)), "end");
    assert.equal(read("y".repeat(16)), "trailers-too-large");
    assert.equal(read("y".repeat(1000)), "trailers-too-large");
  });

  it("reads back whatever the chunk writers wrote, at any split", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), {
          maxLength: 5,
        }),
        fc.integer({ min: 1, max: 64 }),
        fc.boolean(),
        (chunks, step, withTrailers) => {
          const trailers = withTrailers ? ["X-Sum", "1", "X-Other", ""] : [];
          const parts = chunks.map(
            (chunk) =>
              `${chunkHeader(chunk.length)}${Buffer.from(chunk).toString("latin1")}\r\n`,
          );
          const text = parts.join("") + lastChunk(trailers);
          const reader = new ChunkedReader();
          const { event, data } = readInSteps(reader, text, step);
          assert.equal(event, "end");
          assert.equal(data, Buffer.concat(chunks).toString("latin1"));
          assert.deepEqual(reader.trailers, trailers);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("writeChunkHeader()", () => {
  it("writes what chunkHeader() says, whatever the size", () => {
    const target = Buffer.alloc(MAX_CHUNK_HEADER_BYTES + 4);
    for (const size of [
      1,
      9,
      10,
      15,
      16,
      255,
      256,
      4096,
      65_535,
      1e6,
      2 ** 32,
      2 ** 52 - 1,
    ]) {
      const end = writeChunkHeader(target, 2, size);
      assert.equal(target.toString("latin1", 2, end), chunkHeader(size));
      assert.ok(end - 2 <= MAX_CHUNK_HEADER_BYTES);
    }
  });
});

describe("bodyReader()", () => {
  const bytes = Buffer.from("abcdefgh");

  it("ends content of a known length after its last byte", () => {
    const reader = bodyReader({ kind: "length", bytes: 5 });
    assert.equal(reader.read(bytes, 0, 3), "data");
    assert.equal(reader.read(bytes, 3, 3), "more");
    assert.equal(reader.close(), false);
    assert.equal(reader.read(bytes, 3, 8), "data");
    assert.deepEqual(
      [reader.dataStart, reader.dataEnd, reader.position],
      [3, 5, 5],
    );
    assert.ok(reader.done);
    assert.equal(reader.read(bytes, 5, 8), "end");
    assert.equal(reader.position, 5);
    assert.equal(reader.dataBytes, 5);
  });

  it("follows content of a known length in one call", () => {
    const reader = bodyReader({ kind: "length", bytes: 5 });
    assert.equal(reader.follow(bytes, 0, 4), "more");
    assert.equal(reader.follow(bytes, 4, 8), "end");
    assert.equal(reader.position, 5);
  });

  it("ends at once without content", () => {
    const reader = bodyReader({ kind: "none", bytes: 0 });
    assert.ok(reader.done);
    assert.equal(reader.read(bytes, 0, 8), "end");
    assert.equal(reader.position, 0);
  });

  it("ends content without a length when the connection ends", () => {
    const reader = bodyReader({ kind: "until-close", bytes: 0 });
    assert.equal(reader.read(bytes, 0, 8), "data");
    assert.equal(reader.read(bytes, 8, 8), "more");
    assert.equal(reader.done, false);
    assert.ok(reader.close());
    assert.equal(reader.read(bytes, 8, 8), "end");
  });
});
