import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { duplicateDescriptors } from "./duplicate-descriptors.ts";
import { descriptorOf } from "./listening-sockets.ts";

test("duplicateDescriptors() keeps a socket, and who waits in its queue, beyond its server", async (t) => {
  const first = createServer().listen(0, "127.0.0.1");
  await once(first, "listening");
  const descriptor = descriptorOf(first) ?? -1;
  const address = first.address();
  assert.ok(typeof address === "object" && address !== null);
  const many = Array.from({ length: 20 }, () => descriptor);
  const copies = await duplicateDescriptors(many);
  assert.equal(new Set([descriptor, ...copies]).size, 21);
  const [one] = copies;
  first.close();
  await once(first, "close");
  const client = connect(address.port, "127.0.0.1");
  t.after(() => client.destroy());
  await once(client, "connect"); // by the kernel: nobody accepts
  const second = createServer((socket) => socket.end("served"));
  t.after(() => second.close());
  second.listen({ fd: one ?? -1 });
  const [chunk] = (await once(client, "data")) as [Buffer];
  assert.equal(chunk.toString(), "served");
});

test("duplicateDescriptors() rejects what is no socket", async () => {
  await assert.rejects(duplicateDescriptors([9999]));
});
