import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  type AclEntry,
  connect,
  CREATOR_ALL_ACL,
  op,
  OPEN_ACL,
  Permission,
  READ_ACL,
  type WatchEvent,
  type ZooKeeper,
  ZooKeeperError,
} from "../../../src/zookeeper/index.ts";
import { type Backend, backendKinds } from "./backends.ts";

/** A promise of the one event of a one-shot watch. */
function oneEvent(): PromiseWithResolvers<WatchEvent> {
  return Promise.withResolvers<WatchEvent>();
}

/** Rejects with exactly this code. */
async function fails(
  promise: Promise<unknown>,
  code: string,
): Promise<ZooKeeperError> {
  let failure: unknown;
  try {
    await promise;
  } catch (error) {
    failure = error;
  }
  assert.ok(
    failure instanceof ZooKeeperError,
    `no ZooKeeperError: ${String(failure)}`,
  );
  assert.equal(failure.code, code);
  return failure;
}

for (const kind of backendKinds) {
  describe(
    `ZooKeeper operations on ${kind.name}`,
    { skip: kind.missing },
    () => {
      let backend: Backend;
      let zk: ZooKeeper;
      let at = "";
      let tests = 0;

      before(async () => {
        backend = await kind.start();
      });
      after(() => backend[Symbol.asyncDispose]());

      /** A client below a node of the test's own. */
      function operation(name: string, body: () => Promise<void>): void {
        test(name, async () => {
          tests += 1;
          at = `/t${tests}`;
          zk = await connect(`127.0.0.1:${backend.port}`, {
            sessionTimeoutMs: 4_000,
          });
          try {
            await zk.create(at);
            await body();
          } finally {
            await zk.close();
          }
        });
      }

      operation(
        "create() answers path and stat, and getData() what was written",
        async () => {
          const made = await zk.create(`${at}/a`, "hello");
          assert.equal(made.path, `${at}/a`);
          assert.equal(made.stat.dataLength, 5);
          assert.equal(made.stat.czxid, made.zxid);
          const read = await zk.getData(`${at}/a`);
          assert.equal(read.data?.toString(), "hello");
          assert.deepEqual(read.stat, made.stat);
          assert.ok(read.zxid >= made.zxid);
          assert.ok(zk.lastZxid >= read.zxid);
        },
      );

      operation(
        "create() keeps null, empty and binary data apart",
        async () => {
          const all = Buffer.from(
            Array.from({ length: 256 }, (_, byte) => byte),
          );
          await zk.create(`${at}/null`, null);
          await zk.create(`${at}/empty`, "");
          await zk.create(`${at}/binary`, all);
          assert.equal((await zk.getData(`${at}/null`)).data, null);
          assert.deepEqual(
            (await zk.getData(`${at}/empty`)).data,
            Buffer.alloc(0),
          );
          assert.deepEqual((await zk.getData(`${at}/binary`)).data, all);
        },
      );

      operation("create() numbers sequential nodes in ten digits", async () => {
        const first = await zk.create(`${at}/s-`, null, {
          mode: "persistent-sequential",
        });
        const second = await zk.create(`${at}/`, null, {
          mode: "ephemeral-sequential",
        });
        assert.equal(first.path, `${at}/s-0000000000`);
        assert.equal(second.path, `${at}/0000000001`);
        assert.equal(second.stat.ephemeralOwner, zk.sessionId);
      });

      operation(
        "create() makes containers, which go when their last child has gone",
        async () => {
          await zk.create(`${at}/c`, null, { mode: "container" });
          await zk.create(`${at}/c/child`);
          assert.equal((await zk.exists(`${at}/c`))?.ephemeralOwner, 0n);
          const gone = oneEvent();
          await zk.exists(`${at}/c`, { onWatch: gone.resolve });
          await zk.delete(`${at}/c/child`);
          assert.equal((await gone.promise).kind, "deleted");
          assert.equal(await zk.exists(`${at}/c`), undefined);
        },
      );

      operation("create() makes nodes with a time to live", async () => {
        const made = await zk.create(`${at}/ttl`, "x", {
          mode: "persistent-ttl",
          ttlMs: 300,
        });
        assert.equal(made.stat.ephemeralOwner, 0n);
        const sequential = await zk.create(`${at}/n-`, null, {
          mode: "persistent-sequential-ttl",
          ttlMs: 60_000,
        });
        assert.match(sequential.path, /n-0000000001$/u);
        const gone = oneEvent();
        const onWatch = gone.resolve;
        if ((await zk.exists(`${at}/ttl`, { onWatch })) !== undefined)
          assert.equal((await gone.promise).kind, "deleted");
      });

      operation("create() fails with the code of each mistake", async () => {
        await zk.create(`${at}/e`, null, { mode: "ephemeral" });
        await fails(zk.create(at), "node-exists");
        await fails(zk.create(`${at}/no/child`), "no-node");
        await fails(zk.create(`${at}/e/child`), "no-children-for-ephemerals");
        const refused = (acl: readonly AclEntry[]) =>
          fails(zk.create(`${at}/acl`, null, { acl }), "invalid-acl");
        await refused([]);
        await refused(CREATOR_ALL_ACL);
        await refused([{ perms: 31, id: { scheme: "nonsense", id: "x" } }]);
        const ttl = { mode: "persistent-ttl", ttlMs: 0 } as const;
        await fails(zk.create(`${at}/ttl`, null, ttl), "bad-arguments");
        for (const path of [
          "",
          "a",
          "//a",
          "/a/",
          "/a//b",
          "/a/./b",
          "/a/..",
          "/a\u0000",
        ])
          await fails(zk.create(path), "bad-path");
      });

      operation("delete() minds version and children", async () => {
        await zk.create(`${at}/p`);
        await zk.create(`${at}/p/c`);
        const refused = await fails(zk.delete(`${at}/p`), "not-empty");
        assert.equal(refused.path, `${at}/p`);
        assert.equal(refused.maybeDone, false);
        await fails(zk.delete(`${at}/p/c`, { version: 7 }), "bad-version");
        await zk.delete(`${at}/p/c`, { version: 0 });
        await zk.delete(`${at}/p`);
        await fails(zk.delete(`${at}/p`), "no-node");
        await fails(zk.delete("/"), "bad-arguments");
      });

      operation("exists() answers a stat or undefined", async () => {
        assert.equal((await zk.exists(at))?.numChildren, 0);
        assert.equal(await zk.exists(`${at}/none`), undefined);
      });

      operation(
        "setData() counts versions and refuses a wrong one",
        async () => {
          const first = await zk.setData(at, "1", { version: 0 });
          assert.equal(first.version, 1);
          await fails(zk.setData(at, "2", { version: 0 }), "bad-version");
          assert.equal((await zk.setData(at, "3")).version, 2);
          await fails(zk.setData(`${at}/none`, "x"), "no-node");
          await fails(zk.getData(`${at}/none`), "no-node");
        },
      );

      operation(
        "setData() and getData() carry a megabyte, and refuse what servers would not take",
        async () => {
          const large = Buffer.alloc(1_000_000, 7);
          await zk.setData(at, large);
          assert.deepEqual((await zk.getData(at)).data, large);
          await fails(
            zk.setData(at, Buffer.alloc(1_048_576)),
            "frame-too-large",
          );
          assert.equal((await zk.exists(at))?.version, 1);
        },
      );

      operation("getChildren() answers names and stat", async () => {
        await Promise.all(
          ["a", "b", "ä"].map((name) => zk.create(`${at}/${name}`)),
        );
        const { children, stat, zxid } = await zk.getChildren(at);
        assert.deepEqual(children.toSorted(), ["a", "b", "ä"]);
        assert.equal(stat.numChildren, 3);
        assert.ok(zxid >= stat.pzxid);
        await fails(zk.getChildren(`${at}/none`), "no-node");
      });

      operation("setAcl() and getAcl() change who may do what", async () => {
        assert.deepEqual((await zk.getAcl(at)).acl, OPEN_ACL);
        const stat = await zk.setAcl(at, READ_ACL, { version: 0 });
        assert.equal(stat.aversion, 1);
        assert.deepEqual((await zk.getAcl(at)).acl, READ_ACL);
        await fails(zk.setData(at, "x"), "no-auth");
        await fails(zk.create(`${at}/c`), "no-auth");
        await fails(zk.setAcl(at, OPEN_ACL), "no-auth");
      });

      operation(
        "setAcl() refuses a wrong version and an empty list",
        async () => {
          await fails(zk.setAcl(at, OPEN_ACL, { version: 5 }), "bad-version");
          await fails(zk.setAcl(at, []), "invalid-acl");
          await fails(zk.setAcl(`${at}/none`, OPEN_ACL), "no-node");
          await fails(zk.getAcl(`${at}/none`), "no-node");
        },
      );

      operation(
        "addAuth() opens what is closed to others, also after a reconnect",
        async () => {
          await zk.addAuth("digest", "user:secret");
          assert.ok(
            (await zk.whoAmI()).some(
              ({ scheme, user }) => scheme === "digest" && user === "user",
            ),
          );
          await zk.create(`${at}/mine`, "x", { acl: CREATOR_ALL_ACL });
          const { acl } = await zk.getAcl(`${at}/mine`);
          assert.equal(acl[0]?.id.scheme, "digest");
          assert.equal(acl[0]?.perms, Permission.all);
          await using other = await connect(`127.0.0.1:${backend.port}`);
          await fails(other.getData(`${at}/mine`), "no-auth");
          await using friend = await connect(`127.0.0.1:${backend.port}`, {
            auth: [{ scheme: "digest", auth: "user:secret" }],
          });
          assert.equal(
            (await friend.getData(`${at}/mine`)).data?.toString(),
            "x",
          );
        },
      );

      operation(
        "addAuth() rejects for an unknown scheme, and the client goes on without it",
        async () => {
          await fails(zk.addAuth("nonsense", "x"), "auth-failed");
          assert.notEqual(await zk.exists(at), undefined);
        },
      );

      operation(
        "sync(), getEphemerals() and getAllChildrenNumber() answer",
        async () => {
          await zk.create(`${at}/e`, null, { mode: "ephemeral" });
          await zk.sync(at);
          assert.deepEqual(await zk.getEphemerals(at), [`${at}/e`]);
          assert.deepEqual(await zk.getEphemerals(`${at}/x`), []);
          await zk.create(`${at}/p`);
          await zk.create(`${at}/p/c`);
          assert.equal(await zk.getAllChildrenNumber(at), 3);
          await fails(zk.getAllChildrenNumber(`${at}/none`), "no-node");
        },
      );

      operation(
        "multi() does all, with typed results at the positions of the operations",
        async () => {
          const [checked, created, set, deleted] = await zk.multi([
            op.check(at, { version: 0 }),
            op.create(`${at}/m`, "x"),
            op.setData(`${at}/m`, "y", { version: 0 }),
            op.delete(`${at}/m`, { version: 1 }),
          ]);
          assert.equal(checked.kind, "check");
          assert.equal(created.path, `${at}/m`);
          assert.equal(set.stat.version, 1);
          assert.equal(deleted.kind, "delete");
          assert.equal(await zk.exists(`${at}/m`), undefined);
          assert.deepEqual(await zk.multi([]), []);
        },
      );

      operation("multi() creates nodes of every mode", async () => {
        const results = await zk.multi([
          op.create(`${at}/e`, null, { mode: "ephemeral" }),
          op.create(`${at}/s-`, null, { mode: "persistent-sequential" }),
          op.create(`${at}/c`, null, { mode: "container" }),
          op.create(`${at}/t`, null, { mode: "persistent-ttl", ttlMs: 60_000 }),
        ]);
        assert.deepEqual(
          results.map(({ path }) => path),
          [`${at}/e`, `${at}/s-0000000001`, `${at}/c`, `${at}/t`],
        );
        assert.equal(
          (await zk.exists(`${at}/e`))?.ephemeralOwner,
          zk.sessionId,
        );
      });

      operation(
        "multi() does nothing when one fails, and says which and why",
        async () => {
          const failure = await fails(
            zk.multi([
              op.create(`${at}/m`),
              op.delete(`${at}/none`),
              op.setData(at, "x"),
            ]),
            "no-node",
          );
          assert.equal(failure.failedIndex, 1);
          assert.equal(failure.path, `${at}/none`);
          assert.deepEqual(failure.results, [
            { kind: "rolled-back" },
            { kind: "failed", code: "no-node" },
            { kind: "not-tried" },
          ]);
          assert.equal(await zk.exists(`${at}/m`), undefined);
          await fails(zk.multi([op.check(at, { version: 9 })]), "bad-version");
        },
      );

      operation("multiRead() answers each on its own", async () => {
        await zk.create(`${at}/a`, "x");
        const [data, children, missing] = await zk.multiRead([
          op.getData(`${at}/a`),
          op.getChildren(at),
          op.getData(`${at}/none`),
        ]);
        assert.ok(data.kind === "data");
        assert.equal(data.data?.toString(), "x");
        assert.ok(children.kind === "children");
        assert.deepEqual(children.children, ["a"]);
        assert.deepEqual(missing, { kind: "error", code: "no-node" });
      });

      operation(
        "reconfig() of a single server, or without the right, fails",
        async () => {
          const failure: unknown = await zk
            .reconfig({ leaving: ["3"] })
            .catch((error: unknown) => error);
          assert.ok(failure instanceof ZooKeeperError);
          // The keeper; Apache ZooKeeper without reconfigEnabled; an ensemble.
          assert.match(
            failure.code,
            /^(?:unimplemented|reconfig-disabled|no-auth)$/u,
          );
        },
      );

      operation("createProtected() hides an identity in the name", async () => {
        const made = await zk.createProtected(`${at}/n-`, null, {
          mode: "ephemeral-sequential",
        });
        assert.match(made.path, /\/_c_[0-9a-f-]{36}-n-0000000000$/u);
      });

      operation(
        "ensurePath() and deleteRecursive() work on whole branches",
        async () => {
          await zk.ensurePath(`${at}/a/b/c`);
          await zk.ensurePath(`${at}/a/b/c`);
          await zk.create(`${at}/a/b/d`, "x");
          assert.equal(await zk.getAllChildrenNumber(at), 4);
          await zk.deleteRecursive(`${at}/a`);
          await zk.deleteRecursive(`${at}/a`);
          assert.equal(await zk.getAllChildrenNumber(at), 0);
        },
      );

      operation("a chroot hides what is above it", async () => {
        await using below = await connect(
          `127.0.0.1:${backend.port}${at}/deep/root`,
        );
        await below.ensurePath("/");
        const made = await below.create("/n-", "x", {
          mode: "ephemeral-sequential",
        });
        assert.equal(made.path, "/n-0000000000");
        assert.deepEqual(await below.getEphemerals("/"), ["/n-0000000000"]);
        assert.deepEqual((await below.getChildren("/")).children, [
          "n-0000000000",
        ]);
        const [first] = await below.multi([op.create("/m")]);
        assert.equal(first.path, "/m");
        const event = oneEvent();
        await below.exists("/w", { onWatch: event.resolve });
        await zk.create(`${at}/deep/root/w`);
        assert.deepEqual(await event.promise, { kind: "created", path: "/w" });
      });

      operation(
        "requests reach the server in the order of the calls",
        async () => {
          const made = await Promise.all(
            Array.from({ length: 200 }, () =>
              zk.create(`${at}/`, null, { mode: "persistent-sequential" }),
            ),
          );
          assert.deepEqual(
            made.map(({ path }) => Number(path.slice(at.length + 1))),
            made.map((_, index) => index),
          );
        },
      );
    },
  );
}
