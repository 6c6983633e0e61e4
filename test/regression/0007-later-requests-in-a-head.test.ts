/**
 * Bytes that ended in an empty line were taken for one head, whatever lay
 * between: the text of a request that was followed by others, or by content,
 * held these too, and all of it went to the target as one head. The target
 * answered requests that nobody had routed, and the answers went to strangers.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
  targetView,
} from "../scenario/proxy-harness.ts";

test("startDataPlane() sends each of several requests in one read to a target once", async (t) => {
  const asked: string[] = [];
  const target = await startTarget((request, response) => {
    asked.push(request.url ?? "");
    response.end(`<${request.url}>`);
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port);
  t.after(() => client.close());
  client.send(
    ["/1", "/2", "/3"]
      .map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Any: b\r\n\r\n`)
      .join(""),
  );
  await client.until((text) => text.includes("</3>"));
  assert.deepEqual(asked, ["/1", "/2", "/3"]);
  assert.equal(client.text.match(/HTTP\/1\.1 200/gu)?.length, 3);
});

test("startDataPlane() takes content that ends in an empty line for no part of the head", async (t) => {
  let received = "";
  const target = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (received.endsWith("\r\n\r\n") && received.includes("X-Smuggled"))
        socket.write("HTTP/1.1 204 No Content\r\n\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(target, "listening");
  t.after(() => target.close());
  const { plane, port } = await startProxy([
    serviceView([targetView((target.address() as AddressInfo).port)]), // it listens on TCP
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const content = "GET /hidden HTTP/1.1\r\nX-Smuggled: 1\r\n\r\n";
  const client = new RawClient(port);
  t.after(() => client.close());
  client.send(
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\nX-Last: 1\r\n\r\n${content}`,
  );
  await client.until((text) => text.includes("204"));
  assert.equal(received.match(/X-Smuggled/gu)?.length, 1, received);
  assert.ok(received.endsWith(`\r\n\r\n${content}`), received);
});
