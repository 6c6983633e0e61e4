/** A number that many change at once, each change exactly once. */
import { AtomicCounter, connect } from "../src/zookeeper/index.ts";

await using zk = await connect(process.argv[2] ?? "127.0.0.1:2181");
await using counter = new AtomicCounter(zk, "/examples/visits");

const before = await counter.get();
await Promise.all([counter.add(1), counter.add(1), counter.add(40)]);
console.log(`grew by ${(await counter.get()) - before}`);
