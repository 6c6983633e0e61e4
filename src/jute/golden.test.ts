/** Holds the records to what Apache ZooKeeper's own client and server write. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as jute from "./index.ts";
import type { Codec } from "./index.ts";

interface Frame {
  readonly direction: ">" | "<";
  readonly bytes: Buffer;
}

const frames: readonly Frame[] = readFileSync(
  new URL(
    "../../test/vectors/zookeeper/java-client-3.8.0.txt",
    import.meta.url,
  ),
  "utf8",
)
  .split("\n")
  .filter((line) => line.startsWith(">") || line.startsWith("<"))
  .map((line) => ({
    direction: line.startsWith(">") ? ">" : "<",
    bytes: Buffer.from(line.slice(2), "hex"),
  }));

const { OpCode } = jute;
const nothing = jute.record({});

/** The bodies of request and answer of each kind. */
const BODIES = new Map<number, readonly [Codec<unknown>, Codec<unknown>]>([
  [OpCode.create, [jute.CreateRequest, jute.CreateResponse]],
  [OpCode.createContainer, [jute.CreateRequest, jute.Create2Response]],
  [OpCode.createTTL, [jute.CreateTTLRequest, jute.Create2Response]],
  [OpCode.delete, [jute.DeleteRequest, nothing]],
  [OpCode.exists, [jute.ExistsRequest, jute.ExistsResponse]],
  [OpCode.getData, [jute.GetDataRequest, jute.GetDataResponse]],
  [OpCode.setData, [jute.SetDataRequest, jute.SetDataResponse]],
  [OpCode.getACL, [jute.GetACLRequest, jute.GetACLResponse]],
  [OpCode.setACL, [jute.SetACLRequest, jute.SetACLResponse]],
  [OpCode.getChildren, [jute.GetChildrenRequest, jute.GetChildrenResponse]],
  [OpCode.getChildren2, [jute.GetChildren2Request, jute.GetChildren2Response]],
  [OpCode.sync, [jute.SyncRequest, jute.SyncResponse]],
  [OpCode.reconfig, [jute.ReconfigRequest, jute.GetDataResponse]],
  [OpCode.removeWatches, [jute.RemoveWatchesRequest, nothing]],
  [OpCode.auth, [jute.AuthPacket, nothing]],
  [
    OpCode.getEphemerals,
    [jute.GetEphemeralsRequest, jute.GetEphemeralsResponse],
  ],
  [
    OpCode.getAllChildrenNumber,
    [jute.GetAllChildrenNumberRequest, jute.GetAllChildrenNumberResponse],
  ],
  [OpCode.addWatch, [jute.AddWatchRequest, jute.ErrorResponse]],
  [OpCode.whoAmI, [nothing, jute.WhoAmIResponse]],
  [OpCode.closeSession, [nothing, nothing]],
]);

/** Reads the whole of `bytes` and writes the same again. */
function survives<T>(codec: Codec<T>, bytes: Buffer): T {
  const result = jute.decode(codec, bytes);
  assert.ok(result.kind === "value", bytes.toString("hex"));
  assert.equal(result.size, bytes.length, bytes.toString("hex"));
  assert.deepEqual(jute.encode(codec, result.value), bytes);
  return result.value;
}

const REQUEST_HEADER_BYTES = 8;
const REPLY_HEADER_BYTES = 16;

test("the records read and write every frame of a session of Apache ZooKeeper's client", () => {
  const [connect, connected, ...rest] = frames;
  assert.ok(connect !== undefined && connected !== undefined);
  assert.equal(survives(jute.ConnectRequest, connect.bytes).timeOut, 30_000);
  assert.equal(survives(jute.ConnectResponse, connected.bytes).readOnly, false);
  const asked = new Map<number, number>();
  const seen = new Set<number>();
  for (const { direction, bytes } of rest) {
    if (direction === ">") {
      const header = survives(
        jute.RequestHeader,
        bytes.subarray(0, REQUEST_HEADER_BYTES),
      );
      asked.set(header.xid, header.type);
      seen.add(header.type);
      if (header.type === OpCode.multi) continue;
      const codec = BODIES.get(header.type)?.[0];
      assert.ok(codec !== undefined, `request ${header.type}`);
      survives(codec, bytes.subarray(REQUEST_HEADER_BYTES));
    } else {
      const header = survives(
        jute.ReplyHeader,
        bytes.subarray(0, REPLY_HEADER_BYTES),
      );
      const body = bytes.subarray(REPLY_HEADER_BYTES);
      const type = asked.get(header.xid);
      if (header.xid === jute.Xid.notification)
        survives(jute.WatcherEvent, body);
      else if (header.err !== 0) assert.equal(body.length, 0);
      else if (type !== OpCode.multi) {
        const codec = BODIES.get(type ?? 0)?.[1];
        assert.ok(codec !== undefined, `answer to ${type}`);
        survives(codec, body);
      }
    }
  }
  assert.ok(seen.size >= 19, `${seen.size} kinds of request`);
});
