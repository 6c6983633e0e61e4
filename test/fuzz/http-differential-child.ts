/*
 * Feeds the same mutated streams to our parsers and to Node's, and explains
 * every message that ours accept and Node's does not read in the same way. What
 * it cannot explain is printed and makes it fail. Started with
 * --expose-internals; arguments: seed, milliseconds.
 */
import { type Direction, mutatedStream } from "./http-mutator.ts";
import { Random } from "./http-random.ts";
import {
  type Arrivals,
  type Reading,
  readOurs,
  type StreamReading,
} from "./http-readings.ts";
import { readReference, REFERENCE_METHODS } from "./http-reference.ts";

const seed = Number(process.argv[2]);
const durationMs = Number(process.argv[3]);
const random = new Random(seed);
const explained = new Map<string, number>();
let streams = 0;
let messages = 0;
let unexplained = 0;

const endMs = performance.now() + durationMs;
while (performance.now() < endMs && unexplained < 10) {
  for (let i = 0; i < 200; i++) {
    const direction: Direction = random.once(3) ? "response" : "request";
    compare(arrivalsOf(mutatedStream(random, direction), direction));
  }
}

console.log(
  `${streams} streams, ${messages} messages accepted by ours, seed ${seed}`,
);
for (const [why, count] of [...explained].toSorted((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(8)} ${why}`);
process.exitCode = unexplained === 0 && messages > 0 ? 0 : 1;

function arrivalsOf(bytes: Buffer, direction: Direction): Arrivals {
  const ends: number[] = [];
  if (random.once(2))
    for (
      let end = random.below(20);
      end < bytes.length;
      end += 1 + random.below(40)
    )
      ends.push(end);
  ends.push(bytes.length);
  const requestMethod = random.once(4) ? "HEAD" : "GET";
  return { bytes, direction, ends, requestMethod };
}

function compare(arrivals: Arrivals): void {
  const ours = readOurs(arrivals);
  const theirs = readReference(arrivals);
  streams++;
  messages += ours.messages.length;
  for (const [index, mine] of ours.messages.entries()) {
    const difference = differenceOf(mine, theirs.messages[index]);
    if (difference === undefined) continue;
    const why = explain(mine, theirs, arrivals);
    if (why === undefined) {
      unexplained++;
      console.log(
        `UNEXPLAINED ${difference}: ${JSON.stringify(arrivals.bytes.toString("latin1"))}`,
      );
      console.log(`  ours   ${JSON.stringify(ours)}`);
      console.log(`  theirs ${JSON.stringify(theirs)}`);
    } else explained.set(why, (explained.get(why) ?? 0) + 1);
    return; // what follows is read from another place
  }
}

function differenceOf(
  mine: Reading,
  other: Reading | undefined,
): string | undefined {
  if (other === undefined) return "refused by the reference";
  if (mine.start !== other.start) return "another first line";
  if (mine.fields.join("\n") !== other.fields.join("\n")) return "other fields";
  if (!mine.complete) return undefined;
  if (!other.complete) return "content not complete";
  if (mine.body !== other.body) return "other content";
  return mine.trailers.join("\n") === other.trailers.join("\n")
    ? undefined
    : "other trailers";
}

function explain(
  mine: Reading,
  theirs: StreamReading,
  arrivals: Arrivals,
): string | undefined {
  const { fault } = theirs;
  const isRequest = arrivals.direction === "request";
  const method = mine.start.slice(0, mine.start.indexOf(" "));
  if (
    isRequest &&
    fault === "HPE_INVALID_METHOD" &&
    !REFERENCE_METHODS.has(method)
  )
    return "a method is any token (RFC 9110 section 9.1); the reference has a list";
  if (isRequest && fault === "upgrade")
    return "Upgrade is ignored in HTTP/1.0, with content and for h2c (RFC 9110 section 7.8, RFC 9113 section 3.1); the reference takes it";
  const text = arrivals.bytes.toString("latin1");
  if (
    fault === "HPE_INVALID_TRANSFER_ENCODING" &&
    /chunked[ \t]*\t[ \t]*\r\n/iu.test(text)
  )
    return "a tab after a value is white space (RFC 9112 section 5.1), and not passed on; the reference takes spaces only";
  return undefined;
}
