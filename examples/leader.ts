/** One leads, the next takes over. */
import { connect, LeaderElection } from "../src/zookeeper/index.ts";

await using zk = await connect(process.argv[2] ?? "127.0.0.1:2181");
const path = "/examples/leader";

await using one = new LeaderElection(zk, path, { id: "one" });
const term = await one.leading();
console.log(`${await one.leader()} leads`);

await using two = new LeaderElection(zk, path, { id: "two" });
term.lost.addEventListener("abort", () => console.log("the session was lost"));
await one.close();

for await (const state of two.states()) {
  if (state.kind !== "leading") continue;
  console.log(`${await two.leader()} leads`);
  console.log(`its number is greater: ${state.term.fencing > term.fencing}`);
  break;
}
