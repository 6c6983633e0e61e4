import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SMUGGLING } from "../vectors/http/smuggling.ts";
import { forward } from "./http-forwarder.ts";
import { mutatedStream } from "./http-mutator.ts";
import { Random, seedFromEnvironment } from "./http-random.ts";
import { ALL_HABITS, readSloppily } from "./http-sloppy.ts";

const soakSeconds = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? "0");
const durationMs = soakSeconds > 0 ? soakSeconds * 1000 : 2000;

function checkSecondHop(bytes: Buffer, what: string): number {
  const forwarded = forward(bytes);
  for (const habits of ALL_HABITS)
    assert.deepEqual(
      readSloppily(forwarded.bytes, habits),
      forwarded.targets,
      `${what}: ${JSON.stringify(habits)} read ${JSON.stringify(forwarded.bytes.toString("latin1"))}`,
    );
  return forwarded.targets.length;
}

describe("parseRequestHead() and ChunkedReader, before a careless second hop", () => {
  for (const { family, name, bytes } of SMUGGLING)
    it(`hide no request: ${family}, ${name}`, () => {
      const sent = Buffer.from(bytes, "latin1");
      checkSecondHop(sent, name);
      const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
      checkSecondHop(Buffer.from(bytes + next, "latin1"), name);
      checkSecondHop(Buffer.from(next + bytes, "latin1"), name);
    });

  it("face second hops that the same bytes would fool", () => {
    const fooled = SMUGGLING.filter(({ bytes }) => {
      const sent = Buffer.from(bytes, "latin1");
      const readings = ALL_HABITS.map((habits) =>
        readSloppily(sent, habits).join(),
      );
      return new Set(readings).size > 1;
    });
    // Else this file would prove nothing.
    assert.ok(fooled.length > SMUGGLING.length / 2, `${fooled.length}`);
  });

  it("hide no request in mutated streams", (t) => {
    const seed = seedFromEnvironment();
    const random = new Random(seed);
    const endMs = performance.now() + durationMs;
    let streams = 0;
    let requests = 0;
    while (performance.now() < endMs)
      for (let i = 0; i < 20; i++) {
        streams++;
        requests += checkSecondHop(
          mutatedStream(random, "request"),
          `ZOOGATE_SEED=${seed}, stream ${streams}`,
        );
      }
    t.diagnostic(
      `${streams} streams, ${requests} requests passed on, seed ${seed}`,
    );
    assert.ok(requests > 0);
  });
});
