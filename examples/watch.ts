/** Follow one node: its watch is set again by itself, also after a reconnect. */
import { connect } from "../src/zookeeper/index.ts";

await using zk = await connect(process.argv[2] ?? "127.0.0.1:2181");
await zk.ensurePath("/examples/config");

let changes = 0;
for await (const event of zk.watch("/examples/config", { kind: "data" })) {
  // What is read after an event is at least as new as the event.
  const { data } = await zk.getData("/examples/config");
  console.log(`${event.kind}: ${data?.toString()}`);
  changes += 1;
  if (changes > 3) break; // removes the watch
  await zk.setData("/examples/config", `change ${changes}`);
}
