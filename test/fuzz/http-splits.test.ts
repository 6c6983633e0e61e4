import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Direction, mutatedStream } from "./http-mutator.ts";
import { Random, seedFromEnvironment } from "./http-random.ts";
import { readOurs } from "./http-readings.ts";

const soakSeconds = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? "0");
const durationMs = soakSeconds > 0 ? soakSeconds * 1000 : 1500;

describe("parsers and body readers", () => {
  it("read the same however the bytes arrive", (t) => {
    const seed = seedFromEnvironment();
    const random = new Random(seed);
    const endMs = performance.now() + durationMs;
    let streams = 0;
    while (performance.now() < endMs)
      for (let i = 0; i < 50; i++) {
        streams++;
        checkStream(random, `ZOOGATE_SEED=${seed}, stream ${streams}`);
      }
    t.diagnostic(`${streams} streams, seed ${seed}`);
  });
});

function checkStream(random: Random, what: string): void {
  const direction: Direction = random.once(3) ? "response" : "request";
  const bytes = mutatedStream(random, direction);
  const requestMethod = random.once(4) ? "HEAD" : "GET";
  const whole = readOurs({
    bytes,
    direction,
    requestMethod,
    ends: [bytes.length],
  });
  for (const most of [1, 7, 60]) {
    const ends: number[] = [];
    for (let end = 0; end < bytes.length; end += 1 + random.below(most))
      ends.push(end);
    ends.push(bytes.length);
    const split = readOurs({ bytes, direction, requestMethod, ends });
    const text = () => `${what}: ${JSON.stringify(bytes.toString("latin1"))}`;
    assert.deepEqual(split.messages, whole.messages, text());
    // Not always by the same code: an early look may see a later fault first.
    assert.equal(split.fault === undefined, whole.fault === undefined, text());
  }
}
