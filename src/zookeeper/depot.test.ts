import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../base/index.ts";
import { FrameSplitter, FrameWriter, RequestHeader } from "../jute/index.ts";
import { Depot } from "./depot.ts";
import { setData, sync } from "./operations.ts";
import { Request } from "./request.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

function syncRequest(options: { readonly timeoutMs?: number } = {}) {
  return new Request(sync, { path: "/" }, "/", options);
}

function xidsOf(frames: FrameWriter): number[] {
  const splitter = new FrameSplitter();
  splitter.push(frames.take());
  const xids: number[] = [];
  for (
    let frame = splitter.next();
    frame !== undefined;
    frame = splitter.next()
  )
    xids.push(RequestHeader.read(frame).xid);
  return xids;
}

test("Depot numbers requests from 1 and wraps before 2^31, never to 0 or below (j)", () => {
  const frames = new FrameWriter();
  const first = new Depot({ limit: 9, limitBytes: 1_000, maxFrameBytes: 100 });
  first.send(syncRequest(), frames, 0);
  const last = new Depot({
    limit: 9,
    limitBytes: 1_000,
    maxFrameBytes: 100,
    lastXid: 2 ** 31 - 2,
  });
  last.send(syncRequest(), frames, 0);
  last.send(syncRequest(), frames, 0);
  assert.deepEqual(xidsOf(frames), [1, 2 ** 31 - 1, 1]);
});

test("Depot gives a reply only to the oldest request in flight", () => {
  const frames = new FrameWriter();
  const depot = new Depot({ limit: 9, limitBytes: 1_000, maxFrameBytes: 100 });
  const requests = [syncRequest(), syncRequest()];
  for (const request of requests) depot.send(request, frames, 0);
  assert.equal(depot.takeAnswered(2), undefined);
  assert.equal(depot.takeAnswered(1), requests[0]);
  assert.equal(depot.takeAnswered(2), requests[1]);
  assert.equal(depot.takeAnswered(3), undefined);
});

test("Depot sends nothing of a request that is too large, and wastes no number on it", async () => {
  const frames = new FrameWriter();
  const depot = new Depot({ limit: 9, limitBytes: 1_000, maxFrameBytes: 100 });
  const payload = { path: "/", data: Buffer.alloc(100), version: -1 };
  const large = new Request(setData, payload, "/", undefined);
  depot.send(large, frames, 0);
  depot.send(syncRequest(), frames, 0);
  await assert.rejects(large.promise, { code: "frame-too-large" });
  assert.deepEqual(xidsOf(frames), [1]);
});

test("Depot forgets a waiting request at its deadline, and keeps the place of one in flight", async () => {
  const clock = new ManualClock();
  const frames = new FrameWriter();
  const depot = new Depot({ limit: 2, limitBytes: 1_000, maxFrameBytes: 100 });
  const waiting = syncRequest({ timeoutMs: 10 });
  const sent = syncRequest({ timeoutMs: 10 });
  for (const request of [waiting, sent]) depot.guard(request, clock);
  depot.wait(waiting);
  depot.send(sent, frames, 0);
  assert.equal(depot.isFull, true);
  clock.advance(10);
  const failures = await Promise.allSettled([waiting.promise, sent.promise]);
  const maybeDone = failures.map(
    (failure) =>
      failure.status === "rejected" &&
      failure.reason instanceof ZooKeeperError &&
      failure.reason.code === "deadline" &&
      failure.reason.maybeDone,
  );
  assert.deepEqual(maybeDone, [false, true]);
  assert.equal(depot.waiting, 0);
  assert.equal(depot.inFlight, 1);
  assert.equal(depot.takeAnswered(1), sent);
  assert.equal(clock.pendingTimers, 0);
});

test("Depot is full by the bytes that it holds, and counts them down by answer, loss and giving up", async () => {
  const clock = new ManualClock();
  const frames = new FrameWriter();
  const depot = new Depot({ limit: 9, limitBytes: 100, maxFrameBytes: 1_000 });
  const payload = { path: "/", data: Buffer.alloc(100), version: -1 };
  const request = (timeoutMs?: number) =>
    new Request(setData, payload, "/", { timeoutMs });
  const failures: Promise<unknown>[] = [];
  const check = (holding: () => void, freeing: () => void) => {
    assert.equal(depot.isFull, false);
    holding();
    assert.equal(depot.isFull, true);
    freeing();
    assert.equal(depot.isFull, false);
  };
  const answered = request();
  check(
    () => depot.send(answered, frames, 0),
    () => depot.takeAnswered(1),
  );
  const lost = request();
  failures.push(assert.rejects(lost.promise, { code: "connection-loss" }));
  check(
    () => depot.send(lost, frames, 0),
    () => depot.loseConnection("cut"),
  );
  const late = request(5);
  failures.push(assert.rejects(late.promise, { code: "deadline" }));
  depot.guard(late, clock);
  check(
    () => depot.wait(late),
    () => clock.advance(5),
  );
  const expired = request();
  failures.push(assert.rejects(expired.promise, { code: "session-expired" }));
  check(
    () => depot.wait(expired),
    () => depot.failWaiting("session-expired"),
  );
  await Promise.all(failures);
});
