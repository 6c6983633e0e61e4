/** What a connection goes through, and what to do about it. */
import { connect } from "../src/zookeeper/index.ts";

const zk = await connect(process.argv[2] ?? "127.0.0.1:2181");
setTimeout(() => void zk.close(), 100);

for await (const state of zk.states()) {
  switch (state.kind) {
    case "connecting":
      console.log("no session yet: requests wait");
      break;
    case "live":
      console.log(`live for ${state.timeoutMs} ms without contact`);
      break;
    case "suspended":
      console.log("disconnected: start nothing that needs a lock");
      break;
    case "lost":
      console.log("treat ephemeral nodes and locks as gone");
      break;
    case "expired":
      console.log(
        "ephemeral nodes and watches are gone; a new session follows",
      );
      break;
    case "closed":
      console.log("closed");
      break;
    default:
      state satisfies never;
  }
}
