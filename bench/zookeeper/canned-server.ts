/**
 * Answers every request at once with the same valid reply, so that the client
 * is the limit. Prints its port.
 */
import { type AddressInfo, createServer } from "node:net";
import * as jute from "../../src/jute/index.ts";

const stat: jute.Stat = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 1_700_000_000_000n,
  mtime: 1_700_000_000_000n,
  version: 1,
  cversion: 2,
  aversion: 3,
  ephemeralOwner: 0n,
  dataLength: 100,
  numChildren: 0,
  pzxid: 9n,
};
const data = jute.encode(jute.GetDataResponse, {
  data: Buffer.alloc(100),
  stat,
});
const created = jute.encode(jute.Create2Response, { path: "/bench", stat });
const changed = jute.encode(jute.Stat, stat);
const bodies = new Map<number, Buffer>([
  [jute.OpCode.create, created],
  [jute.OpCode.create2, created],
  [jute.OpCode.getData, data],
  [jute.OpCode.setData, changed],
]);

const server = createServer((socket) => {
  const splitter = new jute.FrameSplitter();
  const frames = new jute.FrameWriter();
  let greeted = false;
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    splitter.push(chunk);
    for (
      let frame = splitter.next();
      frame !== undefined;
      frame = splitter.next()
    ) {
      const writer = frames.begin();
      if (greeted) {
        const { xid, type } = jute.RequestHeader.read(frame);
        jute.ReplyHeader.write(writer, { xid, zxid: 9n, err: 0 });
        const body = bodies.get(type);
        if (body !== undefined) writer.raw(body);
      } else {
        greeted = true;
        jute.ConnectResponse.write(writer, {
          protocolVersion: 0,
          timeOut: 30_000,
          sessionId: 5n,
          passwd: Buffer.alloc(16),
          readOnly: false,
        });
      }
      frames.end();
    }
    socket.write(frames.take());
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port); // it listens on TCP
});
