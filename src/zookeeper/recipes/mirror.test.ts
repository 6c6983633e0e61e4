import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { ManualClock } from "../../base/index.ts";
import { FakeClient, FakeServer, liveState } from "./fake-zookeeper.fixture.ts";
import { Mirror, type MirrorOptions } from "./mirror.ts";
import type { MirrorChange } from "./mirror-node.ts";
import { seededRandom } from "./seeded-random.fixture.ts";

function setUp(
  options: MirrorOptions & { readonly root?: string; addWatch?: boolean } = {},
) {
  const server = new FakeServer();
  server.addWatch = options.addWatch ?? true;
  const client = new FakeClient(server);
  const { root = "/r" } = options;
  return { server, client, root, mirror: new Mirror(client, root, options) };
}

function picture(mirror: Mirror): string[] {
  return [...mirror.nodes.values()]
    .map(
      ({ path, data, stat }) =>
        `${path} ${stat.czxid} ${stat.mzxid} ${data?.toString() ?? "null"}`,
    )
    .sort();
}

function words(batch: readonly MirrorChange[]): string[] {
  return batch.map((change) => {
    switch (change.kind) {
      case "set":
        return `set ${change.path}=${change.node.data?.toString() ?? ""}`;
      case "deleted":
        return `deleted ${change.path}`;
      case "synced":
        return change.newTree ? "synced new tree" : "synced";
      default:
        return change satisfies never;
    }
  });
}

for (const addWatch of [true, false]) {
  const by = addWatch ? "one recursive watch" : "one-shot watches";

  test(`Mirror reads a subtree and follows it by ${by}`, async () => {
    const { server, client, root, mirror } = setUp({ addWatch });
    server.create("/r", "root");
    server.create("/r/a", "1");
    server.create("/r/a/b", "2");
    server.create("/rest", "elsewhere");
    await client.settle();
    await mirror.ready();
    assert.deepEqual([...mirror.nodes.keys()].sort(), ["", "a", "a/b"]);
    server.set("/r/a", "1+");
    server.create("/r/a/c");
    server.create("/r/a/c/d");
    server.delete("/r/a/b");
    server.set("/rest", "not ours");
    await client.settle();
    assert.deepEqual(picture(mirror), server.picture(root));
    assert.equal(mirror.atRest, true);
    await mirror.close();
  });

  test(`Mirror by ${by} waits for a root that does not exist, and lets it go and come back`, async () => {
    const { server, client, root, mirror } = setUp({ addWatch });
    await client.settle();
    await mirror.ready();
    assert.equal(mirror.nodes.size, 0);
    server.create("/r", "1");
    server.create("/r/a", "1");
    await client.settle();
    assert.deepEqual(picture(mirror), server.picture(root));
    server.delete("/r/a");
    server.delete("/r");
    await client.settle();
    assert.equal(mirror.nodes.size, 0);
    server.create("/r", "2");
    server.create("/r/a", "2");
    await client.settle();
    assert.deepEqual(picture(mirror), server.picture(root));
    await mirror.close();
  });

  test(`Mirror by ${by} finds what changed while it was cut off`, async () => {
    const { server, client, root, mirror } = setUp({ addWatch });
    for (const path of ["/r", "/r/a", "/r/a/b", "/r/c"]) server.create(path);
    await client.settle();
    client.cut();
    server.delete("/r/a/b");
    server.delete("/r/a");
    server.set("/r/c", "changed");
    server.create("/r/d", "new");
    await turn();
    assert.equal(mirror.nodes.size, 4, "a lost connection changes nothing");
    client.reconnect();
    await client.settle();
    assert.deepEqual(picture(mirror), server.picture(root));
    await mirror.close();
  });

  test(`Mirror by ${by} tells once of a new tree in a new session`, async () => {
    const { server, client, root, mirror } = setUp({ addWatch });
    server.create("/r", "same");
    server.create("/r/gone");
    await client.settle();
    const changes = mirror.changes();
    assert.deepEqual(words((await changes.next()).value ?? []), [
      "set =same",
      "set gone=",
      "synced",
    ]);
    client.cut();
    server.rebuild();
    server.create("/r", "other"); // the same czxid and mzxid as before
    client.reconnect(liveState(2n, true));
    await client.settle();
    assert.deepEqual(words((await changes.next()).value ?? []), [
      "set =other",
      "deleted gone",
      "synced new tree",
    ]);
    assert.equal(mirror.appliedZxid, 1n);
    client.cut();
    client.reconnect();
    await client.settle();
    assert.deepEqual(words((await changes.next()).value ?? []), ["synced"]);
    assert.deepEqual(picture(mirror), server.picture(root));
    await mirror.close();
  });

  test(`Mirror by ${by} equals the tree at rest, whatever is cut, delayed and changed (random)`, async () => {
    const first = Number(process.env["ZOOGATE_SEED"] ?? Date.now() % 1e6);
    for (let seed = first; seed < first + 60; seed++)
      await oracle(seed, { addWatch });
  });
}

/** Moves single messages, writes and cuts in random order, then compares. */
async function oracle(
  seed: number,
  options: { readonly addWatch: boolean },
): Promise<void> {
  const random = seededRandom(seed);
  const root = random() < 0.2 ? "/" : "/r";
  const clock = new ManualClock();
  const { server, client, mirror } = setUp({
    ...options,
    root,
    clock,
    maxReads: 1 + Math.floor(random() * 8),
    resyncJitterMs: random() < 0.5 ? 0 : 10,
    random,
  });
  const reader = followChanges(mirror);
  const pick = (): string => {
    const names = ["/r", "/a", "/b"];
    let path = "/r";
    while (random() < 0.6) path += names[Math.floor(random() * 3)] ?? "";
    return path;
  };
  for (let step = 0; step < 400; step++) {
    const dice = random();
    try {
      if (dice < 0.12) server.create(pick(), String(step));
      else if (dice < 0.2) server.set(pick(), String(step));
      else if (dice < 0.29) server.delete(pick());
      else if (dice < 0.31) client.cut();
      else if (dice < 0.34) client.reconnect();
      else if (dice < 0.35) client.reconnect(liveState(BigInt(step), false));
      else if (dice < 0.36) clock.advance(100);
      else if (dice < 0.65) client.step("request");
      else client.step("inbox");
    } catch {
      // No such node, or one is in the way: the next step.
    }
    if (random() < 0.6) await turn();
  }
  client.reconnect();
  do {
    clock.advance(10_000);
    await client.settle();
  } while (!mirror.atRest);
  assert.deepEqual(picture(mirror), server.picture(root), `seed ${seed}`);
  assert.ok(mirror.appliedZxid <= server.zxid);
  await mirror.close();
  assert.deepEqual(await reader, picture(mirror), `changes(), seed ${seed}`);
}

/** Rebuilds the nodes from the changes alone, as a user would. */
async function followChanges(mirror: Mirror): Promise<string[]> {
  const known = new Map<string, string>();
  for await (const batch of mirror.changes()) {
    for (const change of batch) {
      if (change.kind === "deleted") known.delete(change.path);
      if (change.kind !== "set") continue;
      const { path, node } = change;
      const { czxid, mzxid } = node.stat;
      const data = node.data?.toString() ?? "null";
      known.set(path, `${path} ${czxid} ${mzxid} ${data}`);
    }
  }
  return [...known.values()].sort();
}

test("Mirror.appliedZxid never runs ahead of a change that is notified and not yet read", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const { server, client, mirror } = setUp({ maxReads: 2 });
    server.create("/r");
    for (let child = 0; child < 5; child++) server.create(`/r/${child}`, "0");
    await client.settle();
    const written = new Map<string, { zxid: bigint; value: number }[]>();
    for (let step = 1; step < 150; step++) {
      const dice = random();
      if (dice < 0.3) {
        const child = String(Math.floor(random() * 5));
        server.set(`/r/${child}`, String(step));
        const list = written.get(child) ?? [];
        list.push({ zxid: server.zxid, value: step });
        written.set(child, list);
      } else client.step(dice < 0.6 ? "request" : "inbox");
      if (random() < 0.5) await turn();
      for (const [child, list] of written) {
        const due = list.findLast(({ zxid }) => zxid <= mirror.appliedZxid);
        const held = Number(mirror.nodes.get(child)?.data?.toString());
        assert.ok(held >= (due?.value ?? 0), `seed ${seed} step ${step}`);
      }
    }
    await mirror.close();
  }
});

test("Mirror makes one more read of a path that changes many times during a read", async () => {
  const { server, client, mirror } = setUp();
  server.create("/r");
  await client.settle();
  server.set("/r", "first");
  client.step("inbox");
  await turn();
  for (let n = 0; n < 50; n++) server.set("/r", String(n));
  const backlog = client.backlog;
  assert.equal(backlog, 51, "one read and 50 notifications");
  for (let n = 0; n < 50; n++) client.step("inbox");
  await turn();
  assert.equal(
    client.backlog,
    1,
    "the read that was sent, and none yet beyond",
  );
  client.step("request");
  client.step("inbox");
  await turn();
  assert.equal(client.backlog, 1, "one read for all the others");
  await client.settle();
  assert.equal(mirror.nodes.get("")?.data?.toString(), "49");
  await mirror.close();
});

test("Mirror.changes() merges the changes of a path for a slow reader, with the previous that the reader knows", async () => {
  const { server, client, mirror } = setUp();
  server.create("/r", "0");
  server.create("/r/x", "0");
  await client.settle();
  const changes = mirror.changes();
  await changes.next();
  for (let n = 1; n < 5; n++) {
    server.set("/r/x", String(n));
    await client.settle();
  }
  server.create("/r/brief");
  await client.settle();
  server.delete("/r/brief");
  await client.settle();
  const batch = (await changes.next()).value ?? [];
  assert.deepEqual(words(batch), ["set x=4", "synced"]);
  const [set] = batch;
  assert.equal(set?.kind === "set" && set.previous?.data?.toString(), "0");
  await mirror.close();
  assert.equal((await changes.next()).done, true);
});

test("Mirror tells of a node that was deleted and made again as one set with another czxid", async () => {
  const { server, client, mirror } = setUp();
  server.create("/r", "0");
  server.create("/r/x", "0");
  await client.settle();
  const changes = mirror.changes();
  await changes.next();
  server.delete("/r/x");
  server.create("/r/x", "0");
  await client.settle();
  const [set] = (await changes.next()).value ?? [];
  assert.equal(set?.kind, "set");
  assert.ok(set?.kind === "set" && set.previous !== undefined);
  assert.notEqual(set.previous.stat.czxid, set.node.stat.czxid);
  await mirror.close();
});

test("Mirror keeps a node that its ACL hides, and reports it", async () => {
  const events: string[] = [];
  const { server, client, mirror } = setUp({
    journal: ({ level, event }) => {
      if (level !== "debug") events.push(event);
    },
  });
  server.create("/r");
  server.create("/r/secret", "known");
  server.create("/r/other", "0");
  await client.settle();
  server.unreadable.add("/r/secret");
  client.cut();
  client.reconnect();
  await client.settle();
  assert.equal(mirror.nodes.get("secret")?.data?.toString(), "known");
  assert.deepEqual(events, ["mirror-unreadable"]);
  await mirror.close();
});

test("Mirror reads again after an interruption at a random moment within resyncJitterMs", async () => {
  const clock = new ManualClock();
  const { server, client, mirror } = setUp({
    clock,
    resyncJitterMs: 1_000,
    random: () => 0.5,
  });
  server.create("/r", "0");
  await client.settle();
  await mirror.ready();
  client.cut();
  server.set("/r", "1");
  client.reconnect();
  await client.settle();
  assert.equal(mirror.nodes.get("")?.data?.toString(), "0");
  clock.advance(499);
  await client.settle();
  assert.equal(mirror.nodes.get("")?.data?.toString(), "0");
  clock.advance(1);
  await client.settle();
  assert.equal(mirror.nodes.get("")?.data?.toString(), "1");
  await mirror.close();
});

test("Mirror.catchUp() resolves when what was written before the call is in nodes", async () => {
  const { server, client, mirror } = setUp();
  server.create("/r", "0");
  await client.settle();
  server.set("/r", "1");
  let done = false;
  const caughtUp = mirror.catchUp().then(() => {
    done = true;
    return mirror.nodes.get("")?.data?.toString();
  });
  await turn();
  assert.equal(done, false);
  await client.settle();
  assert.equal(await caughtUp, "1");
  await mirror.reached(server.zxid);
  await mirror.close();
});

test("Mirror ends its readers when it is closed, twice, by signal, or with its client", async () => {
  const closings = [
    async ({ mirror }: ReturnType<typeof setUp>) => {
      await Promise.all([mirror.close(), mirror.close()]);
    },
    async ({ client, mirror }: ReturnType<typeof setUp>) => {
      client.close();
      await turn();
      await mirror.close();
    },
  ];
  for (const closing of closings) {
    const it = setUp();
    await it.client.settle();
    const changes = it.mirror.changes();
    await changes.next();
    const last = changes.next();
    await closing(it);
    assert.equal((await last).done, true);
    assert.equal(it.client.backlog, 0);
  }
  const controller = new AbortController();
  const it = setUp({ signal: controller.signal });
  controller.abort();
  await assert.rejects(it.mirror.ready());
  await it.mirror.close();
});

test("Mirror.changes() throws the reason of its signal", async () => {
  const { client, mirror } = setUp();
  await client.settle();
  const controller = new AbortController();
  const changes = mirror.changes({ signal: controller.signal });
  await changes.next();
  const next = changes.next();
  controller.abort(new Error("enough"));
  await assert.rejects(next, /enough/);
  await mirror.close();
});
