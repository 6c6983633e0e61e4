/**
 * A client that had read all there was and left (FIN, no reset) in the middle of
 * an answer whose target was quiet was not missed: it held its target for as
 * long as a stall may last.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";

test("ClientConnection misses a client that leaves a quiet answer", async (t) => {
  const left = Promise.withResolvers<void>();
  const target = await startTarget((request, response) => {
    request.socket.once("close", () => left.resolve());
    response.write("event\n");
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.includes("event"));
  client.socket.destroy();
  await left.promise;
  const { targets } = await plane.stats();
  assert.equal(targets[0]?.inFlight, 0);
});

test("ClientConnection goes on for a client that has sent FIN and reads", async (t) => {
  const target = await startTarget((_request, response) => {
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      if (count < 4) response.write("tick");
      else {
        clearInterval(timer);
        response.end("done");
      }
    }, 400);
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.socket.end();
  await client.until((text) => text.includes("done"));
  client.close();
});
