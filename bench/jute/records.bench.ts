/**
 * What reading and writing records costs.
 *
 * Unit: nanoseconds of one record, on one thread; best of 5 rounds.
 */
import { cpus } from "node:os";
import * as jute from "../../src/jute/index.ts";

const { int, long } = jute;
const ROUNDS = 5;
const COUNT = 400_000;

const stat: jute.Stat = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 1_700_000_000_000n,
  mtime: 1_700_000_000_000n,
  version: 1,
  cversion: 2,
  aversion: 3,
  ephemeralOwner: 0n,
  dataLength: 5,
  numChildren: 0,
  pzxid: 9n,
};

/** The same record as `Stat`, by the table that all others use. */
const StatByTable = jute.record({
  czxid: long,
  mzxid: long,
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: long,
});

function bestNs(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const startNs = process.hrtime.bigint();
    for (let index = 0; index < COUNT; index++) work();
    best = Math.min(best, Number(process.hrtime.bigint() - startNs) / COUNT);
  }
  return best;
}

function reading<T>(codec: jute.Codec<T>, value: T): () => void {
  const bytes = jute.encode(codec, value);
  const reader = new jute.Reader(bytes);
  return () => {
    reader.setOn(bytes, 0, bytes.length);
    codec.read(reader);
  };
}

function writing<T>(codec: jute.Codec<T>, value: T): () => void {
  const frames = new jute.FrameWriter();
  let count = 0;
  return () => {
    codec.write(frames.begin(), value);
    frames.end();
    count += 1;
    if (count % 100 === 0) frames.take();
  };
}

const answer = { data: Buffer.alloc(100), stat };
const request = { path: "/services/www/targets", watch: false };
const WORK: Readonly<Record<string, () => void>> = {
  "read Stat, written out": reading(jute.Stat, stat),
  "read Stat, by table": reading(StatByTable, stat),
  "read GetDataResponse of 100 bytes": reading(jute.GetDataResponse, answer),
  "write GetDataResponse of 100 bytes": writing(jute.GetDataResponse, answer),
  "write GetDataRequest of 21 bytes": writing(jute.GetDataRequest, request),
};

console.log(`${cpus()[0]?.model ?? "?"}, Node ${process.version}`);
for (const [name, work] of Object.entries(WORK))
  console.log(`${name}: ${bestNs(work).toFixed(0)} ns`);
