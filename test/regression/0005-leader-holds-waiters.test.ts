/**
 * Clients that wait for the answer to another one's request depended on that
 * client: when it left they were cut, and when it did not read they stood still.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { eventually } from "../support/eventually.ts";
import {
  definition,
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";

const SIZE = 12 * 1024 * 1024;
const HALF = Buffer.alloc(SIZE / 2, "y");

/** A leader and three clients that wait for its answer, half of which has come. */
async function startCollapsed(t: TestContext) {
  const answers: ServerResponse[] = [];
  const target = await startTarget((_request, response) => {
    answers.push(response);
    response.setHeader("Cache-Control", "max-age=60");
    response.setHeader("Content-Length", SIZE);
    response.write(HALF);
  });
  t.after(target.close);
  const { cache } = definition();
  const { plane, port, url } = await startProxy(
    [
      serviceView([target.view()], {
        definition: { cache: { ...cache, enabled: true } },
      }),
    ],
    { cacheBytes: 64 * 1024 * 1024 },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const leader = new RawClient(port);
  t.after(() => leader.close());
  leader.socket.pause();
  leader.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => assert.equal(answers.length, 1));
  const waiters = Array.from({ length: 3 }, () => {
    const waiter = request(url, { headers: { host: "a" } }).end();
    waiter.on("error", () => {});
    t.after(() => waiter.destroy());
    return waiter;
  });
  const bodies = Promise.all(waiters.map(bodyBytes));
  bodies.catch(() => {});
  await eventually(async () => {
    const { workers } = await plane.stats();
    assert.equal(workers[0]?.cache?.joined, waiters.length);
  });
  return { answers, bodies, leader, waiters, plane };
}

/** How many bytes its answer has; throws when it is cut. */
async function bodyBytes(outgoing: ReturnType<typeof request>) {
  const [response] = (await once(outgoing, "response")) as [IncomingMessage]; // what the event carries
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length; // no encoding is set
  return bytes;
}

test("Exchange goes on for those that wait when its own client leaves", async (t) => {
  const { answers, bodies, leader, waiters, plane } = await startCollapsed(t);
  leader.socket.resetAndDestroy();
  await eventually(async () => {
    const { totals } = await plane.stats();
    assert.equal(totals.connectionsActive, waiters.length);
  });
  answers[0]?.end(HALF);
  assert.deepEqual(await bodies, [SIZE, SIZE, SIZE]);
  assert.equal(answers.length, 1);
  const { targets } = await plane.stats();
  assert.equal(targets[0]?.inFlight, 0);
});

test("Exchange goes on for those that wait when its own client does not read", async (t) => {
  const { answers, bodies, leader, plane } = await startCollapsed(t);
  answers[0]?.end(HALF);
  assert.deepEqual(await bodies, [SIZE, SIZE, SIZE]);
  assert.equal(answers.length, 1);
  // Whenever it reads, everything is there.
  let bytes = 0;
  leader.socket.removeAllListeners("data");
  leader.socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
  leader.socket.resume();
  await eventually(() => assert.ok(bytes > SIZE));
  const { targets } = await plane.stats();
  assert.equal(targets[0]?.inFlight, 0);
});

test("Exchange lets go of its target when the last client that waits has left", async (t) => {
  const { answers, leader, waiters, plane } = await startCollapsed(t);
  leader.socket.resetAndDestroy();
  for (const waiter of waiters) waiter.destroy();
  await eventually(async () => {
    const { targets, totals } = await plane.stats();
    assert.equal(totals.connectionsActive, 0);
    assert.equal(targets[0]?.inFlight, 0);
  });
  await eventually(() => assert.equal(answers[0]?.destroyed, true));
});
