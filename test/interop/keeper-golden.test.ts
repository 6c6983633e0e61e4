/**
 * The answers of Apache ZooKeeper 3.8.0, captured as bytes once, in the order of
 * their requests. The keeper is asked the same and must answer the same, zxids
 * included; only times are masked.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { ManualClock } from "../../src/base/index.ts";
import {
  ACL,
  AddWatchRequest,
  AuthPacket,
  bool,
  buffer,
  CheckVersionRequest,
  CheckWatchesRequest,
  type Codec,
  CreateRequest,
  CreateTTLRequest,
  type Decoded,
  DeleteRequest,
  encode,
  ExistsRequest,
  GetACLRequest,
  GetDataRequest,
  int,
  MultiHeader,
  type OpCodeName,
  record,
  SetACLRequest,
  SetDataRequest,
  SetWatches,
  SyncRequest,
  ustring,
  vector,
} from "../../src/jute/index.ts";
import { startKeeper } from "../../src/keeper/index.ts";
import {
  OPEN,
  RawClient,
  type RawFrame,
} from "../../src/keeper/raw-client.fixture.ts";

const LINES = readFileSync(
  new URL("../vectors/keeper/apache-3.8.0-frames.txt", import.meta.url),
  "utf8",
).split("\n");

/** What the answer to the request of a line must be. */
function expected(label: string): string {
  const line = LINES.find((candidate) =>
    candidate.trimStart().startsWith(`${label} `),
  );
  assert.ok(line !== undefined, label);
  return maskTimes(line.slice(line.indexOf(" xid ") + 1).trim());
}

/** A frame as the captured lines have it: the first 48 bytes of the body. */
function shown(frame: RawFrame): string {
  const zxid = frame.zxid > 0n ? "last" : String(frame.zxid);
  const body = frame.body.toString("hex").slice(0, 96);
  return maskTimes(
    `xid ${frame.xid} err ${frame.err} zxid ${zxid} body ${frame.body.length}B ${body}`.trim(),
  );
}

/** Milliseconds since 1970 of the hour of the capture; the last may be cut off. */
function maskTimes(text: string): string {
  return text
    .replace(FIRST_CHILD + SECOND_CHILD, SECOND_CHILD + FIRST_CHILD)
    .replaceAll(/000001a2[0-9a-f]{8}/gu, "______time______")
    .replace(/000001a2[0-9a-f]{0,7}$/u, (cut) => "_".repeat(cut.length));
}

/** The children of /p, which a server may list in any order. */
const FIRST_CHILD = "0000000a30303030303030303031";
const SECOND_CHILD = "0000000c732d30303030303030303030";

/** When the answers were captured. */
const CAPTURED_MS = 0x1a2_0780_3000;

const LooseCreate = record({
  path: ustring,
  data: buffer,
  acl: vector(ACL),
  flags: int,
});
const NullAclCreate = record({
  path: ustring,
  data: buffer,
  acl: int,
  flags: int,
});
const PathWatch = record({ path: ustring, watch: bool });

interface Step {
  readonly label: string;
  readonly type: OpCodeName | number;
  readonly body: Buffer;
  readonly xid?: number;
}

function step<T>(
  label: string,
  type: OpCodeName | number,
  codec: Codec<T>,
  value: T,
): Step {
  return { label, type, body: encode(codec, value) };
}

function create(
  label: string,
  path: string,
  changes: Partial<Decoded<typeof LooseCreate>> = {},
  type: OpCodeName = "create",
): Step {
  return step(label, type, LooseCreate, {
    path,
    data: Buffer.from("a"),
    acl: OPEN,
    flags: 0,
    ...changes,
  });
}

function multiPart<T>(type: number, codec: Codec<T>, value: T): Buffer {
  return Buffer.concat([
    encode(MultiHeader, { type, done: false, err: -1 }),
    encode(codec, value),
  ]);
}

const MULTI_END = encode(MultiHeader, { type: -1, done: true, err: -1 });
const acl = (scheme: string, id: string) => [{ perms: 31, id: { scheme, id } }];

const NODES: readonly Step[] = [
  create("create /p", "/p"),
  create("create /p again", "/p"),
  create("create null data", "/pn", { data: null }),
  step("getData null data (len field)", "getData", GetDataRequest, {
    path: "/pn",
    watch: false,
  }),
  create("create empty acl", "/x", { acl: [] }),
  step("create null acl (-1)", "create", NullAclCreate, {
    path: "/x",
    data: null,
    acl: -1,
    flags: 0,
  }),
  create("create bad scheme acl", "/x", { acl: acl("nope", "x") }),
  create("create auth acl w/o auth", "/x", { acl: acl("auth", "") }),
  create("create flags 99", "/x", { flags: 99 }),
  create("create path x (relative)", "x"),
  create("create path empty", ""),
  create("create path //a", "//a"),
  create("create path /a/", "/a/"),
  create("create /zookeeper/x", "/zookeeper/x"),
  create("create no parent", "/no/parent"),
  create("create seq /p/s-", "/p/s-", { flags: 2 }),
  create('create seq "/p/"', "/p/", { flags: 2 }),
  create("create2 /p2", "/p2", {}, "create2"),
  create("create eph /e", "/e", { flags: 1 }),
  create("create child of ephemeral", "/e/c"),
  create(
    "createContainer flags 4 (19)",
    "/ct",
    { flags: 4 },
    "createContainer",
  ),
  step("createTTL flags 5 ttl 60000 (21)", "createTTL", CreateTTLRequest, {
    path: "/tt",
    data: Buffer.from("a"),
    acl: OPEN,
    flags: 5,
    ttl: 60_000n,
  }),
  step("createTTL ttl 0", "createTTL", CreateTTLRequest, {
    path: "/t0",
    data: Buffer.from("a"),
    acl: OPEN,
    flags: 5,
    ttl: 0n,
  }),
  step("exists missing", "exists", ExistsRequest, {
    path: "/nope",
    watch: false,
  }),
  step("delete root", "delete", DeleteRequest, { path: "/", version: -1 }),
  step("delete non-empty", "delete", DeleteRequest, {
    path: "/p",
    version: -1,
  }),
  step("setData bad version", "setData", SetDataRequest, {
    path: "/p",
    data: null,
    version: 9,
  }),
  step("getChildren / (8)", "getChildren", PathWatch, {
    path: "/p",
    watch: false,
  }),
  step("getChildren2 (12)", "getChildren2", PathWatch, {
    path: "/p",
    watch: false,
  }),
  step("getACL", "getACL", GetACLRequest, { path: "/p" }),
  step("setACL", "setACL", SetACLRequest, {
    path: "/p",
    acl: OPEN,
    version: -1,
  }),
  step("sync", "sync", SyncRequest, { path: "/p" }),
];

const MULTIS: readonly Step[] = [
  {
    label: "multi ok [create,check]",
    type: "multi",
    body: Buffer.concat([
      multiPart(1, CreateRequest, {
        path: "/m",
        data: null,
        acl: OPEN,
        flags: 0,
      }),
      multiPart(13, CheckVersionRequest, { path: "/p", version: -1 }),
      MULTI_END,
    ]),
  },
  {
    label: "multi failing [create,delete missing,set]",
    type: "multi",
    body: Buffer.concat([
      multiPart(1, CreateRequest, {
        path: "/m2",
        data: null,
        acl: OPEN,
        flags: 0,
      }),
      multiPart(2, DeleteRequest, { path: "/missing", version: -1 }),
      multiPart(5, SetDataRequest, { path: "/p", data: null, version: -1 }),
      MULTI_END,
    ]),
  },
  {
    label: "multiRead [get,children,get missing] (22)",
    type: "multiRead",
    body: Buffer.concat([
      multiPart(4, PathWatch, { path: "/p", watch: false }),
      multiPart(8, PathWatch, { path: "/p", watch: false }),
      multiPart(4, PathWatch, { path: "/missing", watch: false }),
      MULTI_END,
    ]),
  },
];

const EMPTY_MULTI: readonly Step[] = [
  { label: "empty multi", type: "multi", body: MULTI_END },
];

const path = record({ path: ustring });
const WATCHES: readonly Step[] = [
  step('getEphemerals "" (103)', "getEphemerals", path, { path: "" }),
  step("getAllChildrenNumber / (104)", "getAllChildrenNumber", path, {
    path: "/",
  }),
  { label: "whoAmI (107)", type: "whoAmI", body: Buffer.alloc(0) },
  step("addWatch /p mode 0 (106)", "addWatch", AddWatchRequest, {
    path: "/p",
    mode: 0,
  }),
  step("addWatch bad mode 9", "addWatch", AddWatchRequest, {
    path: "/p",
    mode: 9,
  }),
  step("checkWatches type 5? (17)", "checkWatches", CheckWatchesRequest, {
    path: "/p",
    type: 5,
  }),
  step("checkWatches type 3 any (17)", "checkWatches", CheckWatchesRequest, {
    path: "/p",
    type: 3,
  }),
  step("removeWatches /p type 3 (18)", "removeWatches", CheckWatchesRequest, {
    path: "/p",
    type: 3,
  }),
  step("removeWatches again", "removeWatches", CheckWatchesRequest, {
    path: "/p",
    type: 3,
  }),
  {
    label: "reconfig standalone (16)",
    type: "reconfig",
    body: Buffer.concat([Buffer.alloc(12, 0xff), Buffer.alloc(8, 0xff)]),
  },
  {
    label: "auth digest ok (xid -4)",
    type: "auth",
    xid: -4,
    body: encode(AuthPacket, {
      type: 0,
      scheme: "digest",
      auth: Buffer.from("u:p"),
    }),
  },
];

async function run(client: RawClient, steps: readonly Step[]): Promise<void> {
  for (const { label, type, body, xid } of steps) {
    const frame = await client.ask(type, body, xid);
    assert.equal(shown(frame), expected(label), label);
  }
}

async function nextShown(client: RawClient): Promise<string> {
  const frame = await client.next();
  assert.ok(frame !== undefined);
  return shown(frame);
}

describe("the keeper's answers", () => {
  test("are those of Apache ZooKeeper, byte by byte", async () => {
    const clock = new ManualClock({ wallMs: CAPTURED_MS });
    await using keeper = await startKeeper({ clock });
    // Nine transactions were there before the first captured one.
    await using before = await RawClient.connect(keeper.port);
    for (let index = 0; index < 7; index++)
      await before.ask("delete", NODES[24]?.body);
    await using nodes = await RawClient.connect(keeper.port);
    await run(nodes, NODES);
    await using multis = await RawClient.connect(keeper.port);
    await run(multis, MULTIS);
    await using empty = await RawClient.connect(keeper.port);
    await run(empty, EMPTY_MULTI);
    await using watches = await RawClient.connect(keeper.port);
    await run(watches, WATCHES);
    await runNotifications(watches);
    await runOddities(watches, keeper.port);
  });

  test("to connect requests are those of Apache ZooKeeper", async () => {
    await using keeper = await startKeeper();
    await using now = await RawClient.connect(keeper.port);
    assert.equal(now.connectReply?.length, 37);
    assert.equal(now.session?.timeOut, 10_000);
    await using old = await RawClient.connect(keeper.port, {
      withoutReadOnly: true,
    });
    assert.equal(old.connectReply?.length, 36);
    for (const [asked, given] of [
      [1, 4_000],
      [1_000_000, 40_000],
    ] as const) {
      await using client = await RawClient.connect(keeper.port, {
        timeoutMs: asked,
      });
      assert.equal(client.session?.timeOut, given);
    }
    await using newer = await RawClient.connect(keeper.port, {
      protocolVersion: 5,
    });
    assert.equal(newer.session?.protocolVersion, 0);
    await using future = await RawClient.connect(keeper.port, {
      lastZxidSeen: 1n << 40n,
    });
    assert.equal(future.session, undefined);
    await using unknown = await RawClient.connect(keeper.port, {
      sessionId: 4711n,
    });
    assert.equal(unknown.session?.timeOut, 0);
    assert.equal(unknown.session?.sessionId, 0n);
    assert.equal(await unknown.next(), undefined);
    assert.ok(now.session);
    await using wrong = await RawClient.connect(keeper.port, {
      sessionId: now.session.sessionId,
    });
    assert.equal(wrong.session?.timeOut, 0);
    assert.equal(await wrong.next(), undefined);
    assert.equal(await now.next(), undefined, "the old connection");
  });

  test("to frames out of bounds are to close", async () => {
    await using keeper = await startKeeper();
    for (const length of [1_048_576, -5]) {
      await using client = await RawClient.connect(keeper.port);
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(length);
      client.socket.write(bytes);
      assert.equal(await client.next(), undefined);
    }
    await using client = await RawClient.connect(keeper.port);
    const largest = Buffer.alloc(1_048_575 - 8);
    assert.equal((await client.ask("ping", largest)).err, 0);
  });
});

async function runNotifications(client: RawClient): Promise<void> {
  await client.ask("getData", encode(PathWatch, { path: "/p", watch: true }));
  client.send(
    "setData",
    encode(SetDataRequest, { path: "/p", data: null, version: -1 }),
    12,
  );
  assert.equal(
    await nextShown(client),
    expected("set watch+setData: first frame"),
  );
  assert.equal(await nextShown(client), expected("second frame"));
  client.send(
    "setWatches",
    encode(SetWatches, {
      relativeZxid: 0n,
      dataWatches: ["/p"],
      existWatches: ["/pn"],
      childWatches: ["/p"],
    }),
    -8,
  );
  assert.equal(
    await nextShown(client),
    expected("setWatches data /p relZxid 0 (101)"),
  );
  const rest = LINES.filter((line) => line.startsWith("  next ")).map((line) =>
    line.slice(line.indexOf("xid")).trim(),
  );
  assert.equal(rest.length, 3);
  for (const line of rest) assert.equal(await nextShown(client), line);
}

async function runOddities(client: RawClient, port: number): Promise<void> {
  const none = Buffer.alloc(0);
  for (const [type, xid, label] of [
    [999, 13, "session event? unknown opcode 999"],
    [0, 1, "opcode 0"],
  ] as const) {
    await using unknown = await RawClient.connect(port);
    assert.equal(shown(await unknown.ask(type, none, xid)), expected(label));
    assert.equal(await unknown.next(), undefined);
  }
  assert.equal(
    shown(await client.ask("getData", Buffer.from([0, 0, 0, 9, 47]), 1)),
    expected("truncated body"),
  );
  // Alone it has killed Apache ZooKeeper 3.8.0: refused like an unknown opcode.
  await using checking = await RawClient.connect(port);
  const check = encode(CheckVersionRequest, { path: "/p", version: -1 });
  assert.equal((await checking.ask("check", check)).err, -6);
  const long = Buffer.concat([
    encode(CreateRequest, { path: "/zz", data: null, acl: OPEN, flags: 0 }),
    Buffer.from("trailing"),
  ]);
  assert.equal((await client.ask("create", long)).err, 0);
  await using refused = await RawClient.connect(port);
  const auth = encode(AuthPacket, { type: 0, scheme: "nope", auth: none });
  assert.equal(
    shown(await refused.ask("auth", auth, -4)),
    expected("auth bad scheme"),
  );
  assert.equal(await refused.next(), undefined);
  await using leaving = await RawClient.connect(port);
  assert.equal(
    shown(await leaving.ask("closeSession")),
    expected("closeSession"),
  );
  assert.equal(await leaving.next(), undefined);
}
