/** Several changes, all or none. */
import { connect, op, ZooKeeperError } from "../src/zookeeper/index.ts";

await using zk = await connect(process.argv[2] ?? "127.0.0.1:2181");
await zk.ensurePath("/examples/accounts");
await zk.deleteRecursive("/examples/accounts/ann");

const [created, , checked] = await zk.multi([
  op.create("/examples/accounts/ann", "100"),
  op.setData("/examples/accounts", "1 account"),
  op.check("/examples/accounts/ann", { version: 0 }),
]);
console.log(`${created.kind} ${created.path}, ${checked.kind}`);

try {
  await zk.multi([
    op.setData("/examples/accounts/ann", "50"),
    op.setData("/examples/accounts/bob", "150"),
  ]);
} catch (error) {
  if (!(error instanceof ZooKeeperError)) throw error;
  const { data } = await zk.getData("/examples/accounts/ann");
  console.log(
    `operation ${error.failedIndex}: ${error.code}; ann still has ${data?.toString()}`,
  );
}
