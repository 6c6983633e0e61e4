import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, silentJournal } from "../base/index.ts";
import { encode, Reader, ReplyHeader, Xid } from "../jute/index.ts";
import { Authentication } from "./authentication.ts";
import { Depot } from "./depot.ts";
import { ReplyDesk } from "./reply-desk.ts";
import { WatchTable } from "./watch-table.ts";

const PING_REPLY = encode(ReplyHeader, { xid: Xid.ping, zxid: 5n, err: 0 });

test("ReplyDesk.provenMs is when the ping was sent that is answered, not a later one", () => {
  const clock = new ManualClock();
  const desk = new ReplyDesk({
    depot: new Depot({ limit: 1, limitBytes: 1, maxFrameBytes: 1_000 }),
    watches: new WatchTable(),
    authentication: new Authentication([]),
    chroot: "",
    journal: silentJournal,
    onAuthRefused: () => {},
  });
  const startMs = clock.nowMs();
  const provenMs = () => desk.provenMs - startMs;
  desk.restart(startMs);
  clock.advance(100);
  desk.pingSent(clock);
  clock.advance(100);
  desk.pingSent(clock);
  desk.take(new Reader(PING_REPLY));
  assert.equal(provenMs(), 100);
  desk.take(new Reader(PING_REPLY));
  assert.equal(provenMs(), 200);
  assert.equal(desk.lastZxid, 5n);
  // A ping of an old connection is never answered on a new one.
  clock.advance(100);
  desk.pingSent(clock);
  clock.advance(100);
  desk.restart(clock.nowMs());
  clock.advance(100);
  desk.pingSent(clock);
  desk.take(new Reader(PING_REPLY));
  assert.equal(provenMs(), 500);
});
