/** One at a time, across processes. */
import { connect, Lock } from "../src/zookeeper/index.ts";

await using zk = await connect(process.argv[2] ?? "127.0.0.1:2181");
const lock = new Lock(zk, "/examples/lock");

async function work(name: string): Promise<void> {
  await using hold = await lock.acquire({
    signal: AbortSignal.timeout(10_000), // give up after ten seconds
  });
  // Hand the fencing number to whatever you write to: it refuses smaller ones.
  // Stop when `hold.lost` fires: somebody else may hold the lock by then.
  hold.lost.throwIfAborted();
  console.log(`${name} works`);
}

await Promise.all(["first", "second", "third"].map(work));
console.log("all done");
