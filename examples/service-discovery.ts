/** Announce yourself, and keep a live list of the others. */
import { connect, Mirror, PersistentNode } from "../src/zookeeper/index.ts";

const instances = "/examples/instances";

await using zk = await connect(process.argv[2] ?? "127.0.0.1:2181");

// There as long as this process lives; made again after an expiry.
await using node = new PersistentNode(zk, `${instances}/host-${process.pid}`, {
  data: JSON.stringify({ url: "http://127.0.0.1:8080" }),
});
await node.present();

// A copy of the subtree that follows it.
await using mirror = new Mirror(zk, instances);
for await (const batch of mirror.changes()) {
  for (const change of batch) {
    if (change.kind === "set" && change.path !== "")
      console.log(`${change.path}: ${change.node.data?.toString()}`);
    if (change.kind === "deleted") console.log(`${change.path} has left`);
  }
  // The list is complete up to a point in time.
  if (batch.at(-1)?.kind === "synced") break;
}
console.log(`${mirror.nodes.size - 1} known`);
