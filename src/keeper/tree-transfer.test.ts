import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect, op } from "../zookeeper/index.ts";
import { exportTree, importTree, KeeperError, startKeeper } from "./index.ts";
import type { NotMoved } from "./index.ts";

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const line of lines) collected.push(line);
  return collected;
}

function isRefused(error: unknown): boolean {
  return error instanceof KeeperError && error.code === "import-refused";
}

const HEADER = JSON.stringify({ format: "zoogate-tree", version: 1 });

describe("exportTree() and importTree()", () => {
  test("move data, ACLs and sequence numbers, and name what does not move", async () => {
    await using from = await startKeeper();
    await using to = await startKeeper();
    await using source = await connect(from.connectString);
    await using target = await connect(to.connectString);
    await source.addAuth("digest", "u:p");
    await target.addAuth("digest", "u:p");
    await source.create("/plain", Buffer.from([0, 200, 255]));
    await source.create("/plain/null", null);
    await source.create("/guarded", "g", {
      acl: [{ perms: 31, id: { scheme: "auth", id: "" } }],
    });
    await source.create("/guarded/child", "c");
    await source.create("/queue");
    for (let index = 0; index < 3; index++)
      await source.create("/queue/n-", null, { mode: "persistent-sequential" });
    await source.delete("/queue/n-0000000002");
    await source.create("/ephemeral", null, { mode: "ephemeral" });
    await source.multi([op.create("/deep", "1"), op.create("/deep/er", "2")]);

    const notMoved: NotMoved[] = [];
    const lines = await collect(
      exportTree(source, { onNotMoved: (one) => notMoved.push(one) }),
    );
    assert.deepEqual(
      notMoved.map(({ path, because }) => [path, because]),
      [
        ["/ephemeral", "ephemeral"],
        ["/zookeeper", "of-the-server"],
      ],
    );
    const report = await importTree(target, lines);
    assert.deepEqual(report, { created: 9, replaced: 1, notMoved: [] });
    for (const path of ["/plain", "/plain/null", "/guarded/child", "/deep/er"])
      assert.deepEqual(
        (await target.getData(path)).data,
        (await source.getData(path)).data,
      );
    assert.deepEqual(
      (await target.getAcl("/guarded")).acl,
      (await source.getAcl("/guarded")).acl,
    );
    const next = await target.create("/queue/n-", null, {
      mode: "persistent-sequential",
    });
    assert.equal(next.path, "/queue/n-0000000003");
  });

  test("refuse to write over what is there unless told to", async () => {
    await using keeper = await startKeeper();
    await using zk = await connect(keeper.connectString);
    await zk.create("/a", "old");
    const line = JSON.stringify({
      path: "/a",
      data: Buffer.from("new").toString("base64"),
      acl: [[31, "world", "anyone"]],
      created: 0,
    });
    await assert.rejects(importTree(zk, [HEADER, line]), isRefused);
    const report = await importTree(zk, [HEADER, line], { replace: true });
    assert.equal(report.replaced, 1);
    assert.equal(String((await zk.getData("/a")).data), "new");
  });

  test("hide nothing from the report that the client may not see", async () => {
    await using keeper = await startKeeper();
    await using owner = await connect(keeper.connectString);
    await owner.addAuth("digest", "u:p");
    const own = { scheme: "auth", id: "" };
    await owner.create("/secret", "s", { acl: [{ perms: 31, id: own }] });
    await owner.create("/shown", "s", {
      acl: [
        { perms: 31, id: own },
        { perms: 1, id: { scheme: "world", id: "anyone" } },
      ],
    });
    await using stranger = await connect(keeper.connectString);
    const notMoved: NotMoved[] = [];
    await collect(
      exportTree(stranger, { onNotMoved: (one) => notMoved.push(one) }),
    );
    assert.deepEqual(
      notMoved.map(({ path, because }) => [path, because]),
      [
        ["/secret", "no-auth"],
        ["/shown", "acl-hidden"],
        ["/zookeeper", "of-the-server"],
      ],
    );
  });

  for (const [what, lines] of [
    ["nothing", []],
    ["no header", ['{"path":"/a"}']],
    ["another version", ['{"format":"zoogate-tree","version":2}']],
    ["no JSON", [HEADER, "{"]],
    ["a path that is none", [HEADER, '{"path":"a"}']],
    ["no ACL", [HEADER, '{"path":"/a","data":null,"acl":[],"created":0}']],
  ] as const) {
    test(`refuse a file with ${what}`, async () => {
      await using keeper = await startKeeper();
      await using zk = await connect(keeper.connectString);
      await assert.rejects(importTree(zk, [...lines]), isRefused);
      assert.equal(keeper.stats().nodes, 4);
    });
  }
});
