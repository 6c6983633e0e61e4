import assert from "node:assert/strict";
import { test } from "node:test";
import { OutputSlab } from "./output-slab.ts";

/** A wire that keeps what it is given: as it is, as a pending write would, or taken. */
function fakeWire(takes: boolean) {
  const written: Buffer[] = [];
  return {
    written,
    pendingBytes: 0,
    write(bytes: Buffer): boolean {
      written.push(takes ? Buffer.from(bytes) : bytes);
      return takes;
    },
  };
}

test("OutputSlab.flush() writes all that was put together at once", () => {
  const slab = new OutputSlab();
  const wire = fakeWire(true);
  slab.take(wire);
  slab.text("head ");
  slab.bytes(Buffer.from("xbodyx"), 1, 5);
  assert.equal(slab.flush(wire), true);
  assert.deepEqual(wire.written.map(String), ["head body"]);
  assert.equal(slab.length, 0);
});

test("OutputSlab.flush() leaves the slab to a write that is pending", () => {
  const slab = new OutputSlab();
  const wire = fakeWire(false);
  slab.take(wire);
  slab.text("first");
  assert.equal(slab.flush(wire), false);
  const other = fakeWire(true);
  slab.take(other);
  slab.text("other");
  slab.flush(other);
  assert.equal(String(wire.written[0]), "first");
});

test("OutputSlab.flush() copies behind a write that is pending", () => {
  const slab = new OutputSlab();
  const wire = { ...fakeWire(true), pendingBytes: 9 };
  slab.take(wire);
  slab.text("first");
  assert.equal(slab.flush(wire), false);
  const other = fakeWire(true);
  slab.take(other);
  slab.text("other");
  slab.flush(other);
  assert.equal(String(wire.written[0]), "first");
});

test("OutputSlab.text() takes a head longer than the slab", () => {
  const slab = new OutputSlab();
  const wire = fakeWire(true);
  slab.take(wire);
  slab.text("short ");
  const long = "x".repeat(300_000);
  slab.text(long);
  slab.flush(wire);
  assert.equal(String(wire.written[0]), `short ${long}`);
  assert.ok(slab.room < 100_000);
  assert.equal(slab.bytes(Buffer.alloc(100_000), 0, 100_000), false);
});

test("OutputSlab.take() sends what another connection has in it", () => {
  const slab = new OutputSlab();
  const [one, other] = [fakeWire(true), fakeWire(true)];
  slab.take(one);
  slab.text("of one");
  slab.take(other);
  slab.text("of the other");
  slab.flush(other);
  slab.flush(one);
  assert.deepEqual(one.written.map(String), ["of one"]);
});
