/** A thread that does with a shared cache what it can, and looks at every byte it gets. */
import { parentPort, workerData } from "node:worker_threads";
import { context, fieldList, request } from "./cache.fixture.ts";
import { HttpCache } from "./http-cache.ts";
import type { StoreMemory } from "./store-layout.ts";
import type { Fill, StoredBody, StoredResponse } from "./types.ts";

/** What the thread is started with. */
export interface HammerSetup {
  readonly memory: StoreMemory;
  readonly column: number;
  readonly seed: number;
  /** Set to 1: let go of everything and say how it went. */
  readonly stop: SharedArrayBuffer;
}

export interface HammerReport {
  readonly stored: number;
  readonly hits: number;
  readonly error: string | undefined;
}

const TARGETS = 60;
const NOW_MS = Date.UTC(2026, 0, 5);

/** Numbers that look random, the same for each seed (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A body that tells whose it is at every place: no two answers have the same. */
function bodyOf(target: number, serial: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(12, length));
  bytes.writeUInt32LE(target, 0);
  bytes.writeUInt32LE(serial, 4);
  bytes.writeUInt32LE(bytes.length, 8);
  for (let at = 12; at < bytes.length; at++)
    bytes[at] = (target * 31 + serial * 7 + at) & 255;
  return bytes;
}

/** @throws Error when a byte is another's */
function verify(target: number, body: StoredBody): void {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const piece = body.read(at);
    if (piece === undefined) throw new Error(`${target}: nothing at ${at}`);
    pieces.push(piece);
    at += piece.length;
  }
  const bytes = Buffer.concat(pieces);
  const right = bodyOf(
    bytes.readUInt32LE(0),
    bytes.readUInt32LE(4),
    bytes.length,
  );
  if (bytes.readUInt32LE(0) !== target || !bytes.equals(right))
    throw new Error(
      `${target}: found ${bytes.readUInt32LE(0)}, ${bytes.length} bytes of ${bytes.readUInt32LE(8)}`,
    );
}

function hammer(setup: HammerSetup): HammerReport {
  const { memory, column } = setup;
  const stop = new Int32Array(setup.stop);
  const random = generator(setup.seed);
  const cache = new HttpCache({ memory, column, maxEntryBytes: 200_000 });
  const where = context();
  const open: { fill: Fill; bytes: Buffer; at: number }[] = [];
  const held: { target: number; entry: StoredResponse }[] = [];
  let serial = column * 1_000_000_000;
  let stored = 0;
  let hits = 0;
  const letGo = (index: number) => {
    const [one] = held.splice(index, 1);
    if (one === undefined) return;
    verify(one.target, one.entry.body);
    one.entry.body.release();
  };
  const goOn = (index: number) => {
    const one = open[index];
    if (one === undefined) return;
    const piece = one.bytes.subarray(one.at, one.at + 1 + random(20_000));
    one.fill.data(Buffer.from(piece));
    one.at += piece.length;
    if (one.at < one.bytes.length) return;
    open.splice(index, 1);
    const entry = one.fill.end();
    if (entry === undefined) return;
    stored += 1;
    verify(one.bytes.readUInt32LE(0), entry.body);
  };
  while (Atomics.load(stop, 0) === 0) {
    const target = random(TARGETS);
    const head = request(`GET /${target}`);
    const lookup = cache.lookup(head, where, NOW_MS);
    if (lookup.kind === "hit") {
      hits += 1;
      verify(target, lookup.entry.body);
      if (random(10) === 0 && held.length < 5 && lookup.entry.body.hold())
        held.push({ target, entry: lookup.entry });
    } else if (lookup.kind === "miss" && open.length < 4) {
      const length = random(8) === 0 ? random(150_000) : random(9000);
      const bytes = bodyOf(target, (serial += 1), length);
      const fill = cache.beginFill(head, where, lookup);
      const fields = { "Cache-Control": "max-age=60", ETag: `"${serial}"` };
      const announced = { "Content-Length": String(bytes.length) };
      const storable = fill?.head(
        200,
        fieldList(random(2) === 0 ? fields : { ...fields, ...announced }),
        "r1",
        NOW_MS,
      );
      if (fill !== undefined && storable?.store === true)
        open.push({ fill, bytes, at: 0 });
    }
    if (open.length > 0) goOn(random(open.length));
    if (held.length > 0 && random(8) === 0) letGo(random(held.length));
    if (random(60) === 0) open.splice(random(4), 1)[0]?.fill.abort();
    if (random(40) === 0)
      cache.afterUnsafe(request(`POST /${target}`), where, {
        status: 200,
        fields: [],
      });
    if (random(3000) === 0) cache.clear();
    if (random(1000) === 0)
      cache.purge({ kind: "prefix", service: "www", prefix: `/${random(9)}` });
    if (random(200) === 0) cache.tidy();
  }
  for (const { fill } of open) fill.abort();
  while (held.length > 0) letGo(0);
  cache.tidy();
  return { stored, hits, error: undefined };
}

if (parentPort !== null) {
  let report: HammerReport;
  try {
    report = hammer(workerData as HammerSetup); // written by the test
  } catch (error) {
    report = {
      stored: 0,
      hits: 0,
      error: String(error instanceof Error ? error.stack : error),
    };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort.postMessage(report);
}
