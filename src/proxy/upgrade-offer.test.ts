import assert from "node:assert/strict";
import { test } from "node:test";
import { isOffered } from "./upgrade-offer.ts";

test("isOffered() accepts what was asked for, in any case and of several", () => {
  assert.ok(isOffered("websocket", "WebSocket"));
  assert.ok(isOffered("a/1.2, websocket", "websocket"));
  assert.ok(isOffered("websocket, a/1.2", "a/1.2, websocket"));
});

test("isOffered() accepts nothing else", () => {
  assert.ok(!isOffered("websocket", "h2c"));
  assert.ok(!isOffered("websocket", "websocket, h2c"));
  assert.ok(!isOffered("a/1.2", "a"));
  assert.ok(!isOffered("websocket", ""));
  assert.ok(!isOffered("websocket", '"websocket'));
  assert.ok(!isOffered(undefined, "websocket"));
  assert.ok(!isOffered("websocket", undefined));
});
