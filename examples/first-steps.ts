/** Connect, create, read, change, delete. */
import { connect, ZooKeeperError } from "../src/zookeeper/index.ts";

await using zk = await connect(process.argv[2] ?? "127.0.0.1:2181");
await zk.ensurePath("/examples");

const { path } = await zk.create("/examples/greeting-", "hello", {
  mode: "persistent-sequential",
});
const { data, stat } = await zk.getData(path);
console.log(`${path} says ${data?.toString()}, version ${stat.version}`);

// A change that must not overwrite somebody else's names the version it has seen.
await zk.setData(path, "good morning", { version: stat.version });
try {
  await zk.setData(path, "good night", { version: stat.version });
} catch (error) {
  if (!(error instanceof ZooKeeperError)) throw error;
  console.log(`refused: ${error.code}`);
}
await zk.delete(path);
console.log(`exists: ${(await zk.exists(path)) !== undefined}`);
