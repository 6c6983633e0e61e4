/**
 * A target that refused an upload with a listed status before all of it had
 * come was asked no more, but its connection was kept: the next request went
 * out where the target still waited for the rest of the upload.
 */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
  targetView,
} from "../scenario/proxy-harness.ts";

test("Exchange keeps no connection whose request was not sent whole", async (t) => {
  const connections: string[] = [];
  const busy = createServer((socket: Socket) => {
    const index = connections.push("") - 1;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      if (chunk.includes("HTTP/1.1\r\n"))
        socket.write("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno");
      connections[index] += chunk.toString("latin1");
    });
  }).listen(0, "127.0.0.1");
  await once(busy, "listening");
  t.after(() => busy.close());
  const good = await startTarget((request, response) => {
    request.resume().on("end", () => response.end("ok"));
  });
  t.after(good.close);
  const address = busy.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const { plane, port: at } = await startProxy([
    serviceView([targetView(port), good.view()]),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));

  const uploader = new RawClient(at);
  t.after(() => uploader.close());
  uploader.send(
    "PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1234",
  );
  while (connections.length === 0) await new Promise(setImmediate);
  while ((await plane.stats()).totals.retries === 0);
  uploader.send("567890");
  await uploader.until((text) => text.endsWith("ok"));
  // Two more requests: at least one goes to the first target again.
  for (const path of ["/next-1", "/next-2"]) {
    const client = new RawClient(at);
    t.after(() => client.close());
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.until((text) => text.endsWith("ok"));
  }
  assert.ok(connections.length >= 2, "a connection of its own");
  assert.doesNotMatch(connections[0] ?? "", /GET/u);
});
