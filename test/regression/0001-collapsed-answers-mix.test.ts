/**
 * Clients that wait for one answer are written to in the middle of the answer
 * that they wait for. All shared one output slab, so the first client's head
 * left on the second one's connection: two answers to one, none to the other.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  definition,
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";

test("startDataPlane() gives every client that waits for one answer that answer, once", async (t) => {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  const target = await startTarget((request, response) => {
    asked += 1;
    void release.then(() => {
      response.setHeader("Cache-Control", "max-age=60");
      response.setHeader("Content-Length", 5);
      response.end(`body${request.url?.at(-1)}`);
    });
  });
  t.after(target.close);
  const { cache } = definition();
  const { plane, port } = await startProxy([
    serviceView([target.view()], {
      definition: { cache: { ...cache, enabled: true } },
    }),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const clients = Array.from({ length: 6 }, () => new RawClient(port));
  for (const client of clients) {
    t.after(() => client.close());
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  const joined = async () => (await plane.stats()).workers[0]?.cache?.joined;
  while ((await joined()) !== clients.length - 1);
  resolve();
  for (const client of clients) {
    const text = await client.until((seen) => seen.endsWith("body1"));
    assert.equal(text.match(/HTTP\/1\.1 200/gu)?.length, 1, text);
    assert.equal(text.match(/body1/gu)?.length, 1, text);
  }
  assert.equal(asked, 1);
});
