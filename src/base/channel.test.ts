import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel } from "./channel.ts";

test("Channel gives its reader what was queued, then ends on close()", async () => {
  const channel = new Channel<number>({ limit: 4 });
  assert.equal(channel.push(1), "queued");
  assert.equal(channel.push(2), "queued");
  channel.close();
  assert.equal(channel.push(3), "closed");
  assert.deepEqual(await Array.fromAsync(channel), [1, 2]);
});

test("Channel.push() says when it is full and keeps what it has", async () => {
  const channel = new Channel<number>({ limit: 1 });
  assert.equal(channel.push(1), "queued");
  assert.equal(channel.push(2), "full");
  channel.close();
  assert.deepEqual(await Array.fromAsync(channel), [1]);
});

test("Channel wakes a reader that waits", async () => {
  const channel = new Channel<string>({ limit: 1 });
  const reader = channel[Symbol.asyncIterator]();
  const next = reader.next();
  channel.push("now");
  assert.deepEqual(await next, { done: false, value: "now" });
});

test("Channel.fail() throws once, after what was queued", async () => {
  const channel = new Channel<number>({ limit: 2 });
  channel.push(1);
  channel.fail(new Error("source gone"));
  const reader = channel[Symbol.asyncIterator]();
  assert.deepEqual(await reader.next(), { done: false, value: 1 });
  await assert.rejects(() => reader.next(), /source gone/u);
  assert.deepEqual(await reader.next(), { done: true, value: undefined });
});

test("Channel tells its producer when the reader leaves", async () => {
  let left = 0;
  const channel = new Channel<number>({ limit: 2, onReturn: () => left++ });
  channel.push(1);
  for await (const _ of channel) break;
  assert.equal(left, 1);
  assert.equal(channel.push(2), "closed");
});
