/**
 * Frames that no sane peer sends. For two seconds; with ZOOGATE_SOAK_SECONDS
 * until ten million mutations were read, or so long. ZOOGATE_SEED repeats a run.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as jute from "../../src/jute/index.ts";
import {
  connect,
  ZooKeeper,
  ZooKeeperError,
} from "../../src/zookeeper/index.ts";
import {
  startScriptedZooKeeper,
  zeroStat,
} from "../support/scripted-zookeeper.ts";
import { Random, seedFromEnvironment } from "./http-random.ts";

const soakSeconds = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? "0");
const durationMs = soakSeconds > 0 ? soakSeconds * 1_000 : 2_000;
const MAX_MUTATIONS = 10_000_000;
const MAX_FRAME_BYTES = 100_000;

const exported: readonly unknown[] = Object.values(jute);
const codecs = exported.filter(
  (value): value is jute.Codec<unknown> =>
    typeof value === "object" && value !== null && "minBytes" in value,
);

/** Frames of a real session, the seeds of the mutations. */
const bodies = readFileSync(
  new URL("../vectors/zookeeper/java-client-3.8.0.txt", import.meta.url),
  "utf8",
)
  .split("\n")
  .filter((line) => /^[<>]/u.test(line))
  .map((line) => Buffer.from(line.slice(2), "hex"));

const NASTY = [0, 1, -1, -2, 0x7fffffff, -0x80000000, 0xffff, MAX_FRAME_BYTES];

/** Flips bits, plants lengths, cuts and repeats. */
function mutate(random: Random, original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (
    let changes = 1 + random.below(4);
    changes > 0 && bytes.length > 0;
    changes--
  )
    switch (random.below(5)) {
      case 0:
        bytes[random.below(bytes.length)] = random.below(256);
        break;
      case 1:
        if (bytes.length >= 4)
          bytes.writeInt32BE(
            random.pick(NASTY) | 0,
            random.below(bytes.length - 3),
          );
        break;
      case 2:
        bytes = bytes.subarray(0, random.below(bytes.length + 1));
        break;
      case 3:
        bytes = Buffer.concat([bytes, random.pick(bodies)]);
        break;
      default:
        bytes = Buffer.concat([
          Buffer.alloc(random.below(20), random.below(256)),
          bytes,
        ]);
    }
  return bytes;
}

function framed(body: Buffer): Buffer {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeInt32BE(body.length);
  body.copy(frame, 4);
  return frame;
}

/** Splits a stream in random pieces and reads each frame with a random codec. */
function readStream(random: Random, stream: Buffer): void {
  const splitter = new jute.FrameSplitter({ maxFrameBytes: MAX_FRAME_BYTES });
  let start = 0;
  while (start < stream.length) {
    const end = Math.min(stream.length, start + 1 + random.below(200));
    splitter.push(stream.subarray(start, end));
    start = end;
    for (
      let frame = splitter.next();
      frame !== undefined;
      frame = splitter.next()
    ) {
      const { remaining } = frame;
      try {
        random.pick(codecs).read(frame);
      } catch (error) {
        assert.ok(error instanceof jute.JuteRejection, String(error));
      }
      assert.ok(frame.remaining >= 0 && frame.remaining <= remaining);
    }
    assert.ok(splitter.heldBytes <= MAX_FRAME_BYTES + 4);
  }
}

describe("ZooKeeper frames that hostile peers send", () => {
  it("never crash the codecs, hang them, or hold more than a frame", (t) => {
    const seed = seedFromEnvironment();
    const random = new Random(seed);
    const startMs = performance.now();
    let mutations = 0;
    while (
      mutations < MAX_MUTATIONS &&
      performance.now() < startMs + durationMs
    )
      for (let round = 0; round < 200; round++) {
        const first = mutate(random, random.pick(bodies));
        const second = framed(mutate(random, random.pick(bodies)));
        const whole = Buffer.concat([framed(first), second]);
        mutations += 2;
        readStream(random, random.once(4) ? mutate(random, whole) : whole);
      }
    const seconds = (performance.now() - startMs) / 1_000;
    const peakMb = process.resourceUsage().maxRSS / 1_024;
    t.diagnostic(
      `${mutations} mutations in ${seconds.toFixed(1)} s, at most ${peakMb.toFixed(0)} MB resident, ZOOGATE_SEED=${seed}`,
    );
  });

  it("never bring the client down, and a sane server is used again at once", async (t) => {
    const seed = seedFromEnvironment();
    const random = new Random(seed);
    const answer = jute.encode(jute.GetDataResponse, {
      data: null,
      stat: zeroStat,
    });
    let hostile = true;
    await using server = await startScriptedZooKeeper({
      onRequest(request, connection) {
        if (!hostile) {
          connection.reply(request.xid, { body: answer });
          return;
        }
        const header = { xid: request.xid, zxid: 1n, err: 0 };
        const reply = Buffer.concat([
          jute.encode(jute.ReplyHeader, header),
          answer,
        ]);
        const frame = framed(
          random.once(2)
            ? mutate(random, reply)
            : mutate(random, random.pick(bodies)),
        );
        connection.write(random.once(3) ? mutate(random, frame) : frame);
      },
    });
    const endMs = performance.now() + durationMs;
    let requests = 0;
    while (performance.now() < endMs) {
      // A client of its own, so that its delays between attempts stay short.
      await using zk = new ZooKeeper(server.connectString, {
        sessionTimeoutMs: 500,
      });
      await zk.live();
      for (let round = 0; round < 5 && performance.now() < endMs; round++) {
        requests += 1;
        try {
          await zk.getData("/a", { timeoutMs: 40 });
        } catch (error) {
          assert.ok(
            error instanceof ZooKeeperError,
            `ZOOGATE_SEED=${seed}: ${String(error)}`,
          );
        }
      }
    }
    hostile = false;
    await using zk = await connect(server.connectString);
    assert.equal((await zk.getData("/a")).data, null);
    t.diagnostic(`${requests} requests, ZOOGATE_SEED=${seed}`);
  });
});
