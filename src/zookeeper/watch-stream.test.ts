import assert from "node:assert/strict";
import { test } from "node:test";
import {
  startScriptedZooKeeper,
  zeroStat,
} from "../../test/support/scripted-zookeeper.ts";
import * as jute from "../jute/index.ts";
import { connect, type StreamKind } from "./index.ts";

function frame(header: jute.ReplyHeader, body: Uint8Array): Buffer {
  const head = jute.encode(jute.ReplyHeader, header);
  const frame = Buffer.alloc(4 + head.length + body.length);
  frame.writeInt32BE(head.length + body.length);
  frame.set(head, 4);
  frame.set(body, 4 + head.length);
  return frame;
}

for (const kind of ["data", "recursive"] satisfies StreamKind[])
  test(`WatchStream of ${kind} tells that it is armed before the event that came with the answer`, async () => {
    const path = "/watched";
    let events = 0;
    await using server = await startScriptedZooKeeper({
      onRequest({ xid, type }, connection) {
        const body =
          type === jute.OpCode.exists
            ? jute.encode(jute.Stat, zeroStat)
            : Buffer.alloc(4);
        const answer = frame({ xid, zxid: 1n, err: 0 }, body);
        events += 1;
        const event = frame(
          { xid: jute.Xid.notification, zxid: -1n, err: 0 },
          jute.encode(jute.WatcherEvent, {
            type: jute.WatchEventType.dataChanged,
            state: 3, // connected
            path,
          }),
        );
        connection.write(
          events === 1 ? Buffer.concat([answer, event]) : answer,
        );
      },
    });
    await using zk = await connect(server.connectString);
    const told: string[] = [];
    for await (const event of zk.watch(path, { kind })) {
      told.push(event.kind);
      if (told.length === 2) break;
    }
    assert.deepEqual(told, ["re-synced", "data-changed"]);
  });
