/**
 * An oracle for mirrors and persistent nodes: several clients change a tree at
 * random while connections are cut, sessions ended and servers killed. Every few
 * seconds everybody rests; then each mirror must equal the tree, and each
 * persistent node must be there exactly once.
 *
 * ZOOGATE_SEED repeats the decisions of a run (not its timing);
 * ZOOGATE_SOAK_SECONDS makes each run so long.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  childPath,
  connect,
  type Mirror,
  type PersistentNode,
  type ZooKeeper,
  ZooKeeperError,
} from "../../src/zookeeper/index.ts";
import { seededRandom } from "../../src/zookeeper/recipes/seeded-random.fixture.ts";
import { eventually } from "../support/eventually.ts";
import {
  breakThings,
  changeTree,
  keepCopies,
  type Keeping,
  pause,
  type Random,
  type Tally,
} from "./oracle-actors.ts";
import { type Stage, stageKinds } from "./oracle-stage.ts";

const SECONDS = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? 2);
const SEED = Number(process.env["ZOOGATE_SEED"] ?? Date.now() % 1e9);
const ROOT = "/oracle";

for (const kind of stageKinds) {
  test(
    `Mirror and PersistentNode agree with the tree at rest on ${kind.name}`,
    { skip: kind.missing, timeout: SECONDS * 1_000 + 150_000 },
    async (t) => {
      t.diagnostic(`seed ${SEED}; ZOOGATE_SEED=${SEED} repeats it`);
      await using stage = await kind.open();
      const tally = await run(stage, seededRandom(SEED));
      t.diagnostic(JSON.stringify(tally));
    },
  );
}

async function run(stage: Stage, random: Random): Promise<Tally> {
  const tally = { changes: 0, refused: 0, cuts: 0, expiries: 0, kills: 0 };
  const direct = { sessionTimeoutMs: 4_000 };
  await using checker = await connect(stage.directConnectString, direct);
  await checker.ensurePath(`${ROOT}/kept`);
  await using one = await connect(stage.directConnectString, direct);
  await using two = await connect(stage.directConnectString, direct);
  await using three = await connect(stage.connectString, direct);
  const writers = [one, two, three];
  await using first = await keepCopies(stage, { root: ROOT, index: 0 });
  await using second = await keepCopies(stage, { root: ROOT, index: 1 });
  await using third = await keepCopies(stage, { root: ROOT, index: 2 });
  const keepings = [first, second, third];
  const untilMs = performance.now() + SECONDS * 1_000;
  while (performance.now() < untilMs) {
    const stop = new AbortController();
    const { signal } = stop;
    const acting = [
      ...writers.map((writer) =>
        changeTree(writer, { root: ROOT, random, tally, stop: signal }),
      ),
      breakThings(stage, {
        random,
        tally,
        clients: keepings.map(({ zk }) => zk),
        stop: signal,
      }),
      deleteKept(three, { random, stop: signal }),
    ];
    const acted = Promise.all(acting).finally(() => stop.abort());
    acted.catch(() => {}); // it is looked at below
    await pause(Math.min(SECONDS * 500, 4_000), signal);
    stop.abort();
    await acted;
    await compare(checker, keepings);
  }
  return tally;
}

/** Deletes persistent nodes by hand. */
async function deleteKept(
  writer: ZooKeeper,
  options: { readonly random: Random; readonly stop: AbortSignal },
): Promise<void> {
  const { random, stop } = options;
  while (!stop.aborted) {
    await pause(200, stop);
    const kept = `${ROOT}/kept`;
    try {
      const { children } = await writer.getChildren(kept, { timeoutMs: 1_000 });
      const child = children[Math.floor(random() * children.length)];
      if (child !== undefined)
        await writer.delete(childPath(kept, child), { timeoutMs: 1_000 });
    } catch {
      // The server is away, or the node is.
    }
  }
}

/** At rest: twice the same tree, with the mirrors caught up in between. */
async function compare(
  checker: ZooKeeper,
  keepings: readonly Keeping[],
): Promise<void> {
  const mirrors = keepings.flatMap((keeping) => keeping.mirrors);
  const nodes = keepings.flatMap((keeping) =>
    keeping.nodes.map((node) => ({ node, zk: keeping.zk })),
  );
  const kept = await eventually(async () => {
    const kept = await pictureOf(checker, `${ROOT}/kept`);
    assertKept(kept, nodes);
    return kept;
  }, 30_000);
  assert.equal(
    kept.size,
    nodes.length + 1,
    "one node for each, and the folder",
  );
  for (;;) {
    const before = await eventually(() => pictureOf(checker, ROOT));
    await Promise.all(
      mirrors.map((mirror) =>
        mirror.catchUp({ signal: AbortSignal.timeout(30_000) }),
      ),
    );
    const held = mirrors.map((mirror) => ({
      root: mirror.root,
      picture: pictureIn(mirror),
    }));
    const after = await eventually(() => pictureOf(checker, ROOT));
    if (!sameMaps(before, after)) continue; // it was not at rest yet
    for (const { root, picture } of held) {
      const expected = new Map(
        [...after].filter(
          ([path]) => path === root || path.startsWith(`${root}/`),
        ),
      );
      assert.deepEqual(picture, expected, `mirror of ${root}`);
    }
    return;
  }
}

function assertKept(
  kept: ReadonlyMap<string, string>,
  nodes: readonly { readonly node: PersistentNode; readonly zk: ZooKeeper }[],
): void {
  const paths = nodes.map(({ node }) =>
    node.state.kind === "present" ? node.state.path : node.state.kind,
  );
  const expected = [`${ROOT}/kept`, ...paths].toSorted();
  assert.deepEqual([...kept.keys()].toSorted(), expected);
  for (const { node, zk } of nodes) {
    if (node.state.kind !== "present") continue;
    const [data, , , owner] = (kept.get(node.state.path) ?? "").split(" ");
    assert.equal(data, "kept");
    assert.ok(owner === "0" || owner === String(zk.sessionId), "its owner");
  }
}

/** Data, czxid, mzxid and owner of each node, by path. */
async function pictureOf(
  zk: ZooKeeper,
  root: string,
): Promise<Map<string, string>> {
  const picture = new Map<string, string>();
  await zk.sync(root);
  const read = async (path: string): Promise<void> => {
    try {
      const { data, stat } = await zk.getData(path);
      picture.set(path, textOf(data, stat));
      const { children } = await zk.getChildren(path);
      await Promise.all(children.map((child) => read(childPath(path, child))));
    } catch (error) {
      if (error instanceof ZooKeeperError && error.code === "no-node") return;
      throw error;
    }
  };
  await read(root);
  return picture;
}

function pictureIn(mirror: Mirror): Map<string, string> {
  return new Map(
    [...mirror.nodes.values()].map(({ path, data, stat }) => [
      path === "" ? mirror.root : childPath(mirror.root, path),
      textOf(data, stat),
    ]),
  );
}

function textOf(
  data: Buffer | null,
  stat: {
    readonly czxid: bigint;
    readonly mzxid: bigint;
    readonly ephemeralOwner: bigint;
  },
): string {
  return `${data?.toString() ?? "null"} ${stat.czxid} ${stat.mzxid} ${stat.ephemeralOwner}`;
}

function sameMaps(
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string>,
): boolean {
  return (
    left.size === right.size &&
    [...left].every(([path, text]) => right.get(path) === text)
  );
}
