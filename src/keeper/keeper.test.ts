import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { type Clock, ManualClock } from "../base/index.ts";
import {
  AddWatchRequest,
  CreateFlag,
  CreateRequest,
  CreateResponse,
  decode,
  DeleteRequest,
  encode,
  ErrorCode,
  ExistsRequest,
  GetChildrenRequest,
  GetDataRequest,
  GetDataResponse,
  GetEphemeralsResponse,
  SetDataRequest,
  SetWatches,
} from "../jute/index.ts";
import { KeeperError, startKeeper } from "./index.ts";
import { OPEN, RawClient } from "./raw-client.fixture.ts";

function text(value: string): Buffer {
  return Buffer.from(value);
}

async function dataOf(client: RawClient, path: string): Promise<string> {
  const reply = await client.ask(
    "getData",
    encode(GetDataRequest, { path, watch: false }),
  );
  assert.equal(reply.err, 0);
  const body = decode(GetDataResponse, reply.body);
  assert.ok(body.kind === "value");
  return String(body.value.data);
}

async function inFolder(
  action: (dataFile: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keeper-"));
  try {
    await action(join(folder, "keeper.db"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function fourLetters(port: number, word: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  let answer = "";
  socket.on("data", (chunk) => (answer += String(chunk)));
  socket.end(word);
  await once(socket, "close");
  return answer;
}

describe("startKeeper()", () => {
  test("answers reads of what was written", async () => {
    await using keeper = await startKeeper();
    await using client = await RawClient.connect(keeper.port);
    assert.equal((await client.create("/a", "one")).err, 0);
    assert.equal(await dataOf(client, "/a"), "one");
    const set = await client.ask(
      "setData",
      encode(SetDataRequest, { path: "/a", data: text("two"), version: 0 }),
    );
    assert.equal(set.err, 0);
    assert.equal(await dataOf(client, "/a"), "two");
    const stale = await client.ask(
      "setData",
      encode(SetDataRequest, { path: "/a", data: text("x"), version: 0 }),
    );
    assert.equal(stale.err, ErrorCode["bad-version"]);
    const deleted = await client.ask(
      "delete",
      encode(DeleteRequest, { path: "/a", version: -1 }),
    );
    assert.equal(deleted.err, 0);
  });

  test("gives sequence numbers by the children ever created", async () => {
    await using keeper = await startKeeper();
    await using client = await RawClient.connect(keeper.port);
    await client.create("/p");
    for (const expected of ["/p/s-0000000000", "/p/s-0000000001"]) {
      const reply = await client.create("/p/s-", "", {
        mode: "persistent-sequential",
      });
      const body = decode(CreateResponse, reply.body);
      assert.ok(body.kind === "value");
      assert.equal(body.value.path, expected);
      await client.ask(
        "delete",
        encode(DeleteRequest, { path: expected, version: -1 }),
      );
    }
  });

  test("sends a client its own notification before the reply", async () => {
    await using keeper = await startKeeper();
    await using client = await RawClient.connect(keeper.port);
    await client.create("/a");
    await client.ask(
      "getData",
      encode(GetDataRequest, { path: "/a", watch: true }),
    );
    client.send(
      "setData",
      encode(SetDataRequest, { path: "/a", data: null, version: -1 }),
    );
    assert.equal((await client.next())?.xid, -1);
    assert.equal((await client.next())?.err, 0);
    assert.deepEqual(await client.notifications(), []);
  });

  test("tells recursive watches of the subtree, each event once", async () => {
    await using keeper = await startKeeper();
    await using watcher = await RawClient.connect(keeper.port);
    await using client = await RawClient.connect(keeper.port);
    await client.create("/a");
    await watcher.ask(
      "addWatch",
      encode(AddWatchRequest, { path: "/a", mode: 1 }),
    );
    await watcher.ask(
      "exists",
      encode(ExistsRequest, { path: "/a/b", watch: true }),
    );
    await client.create("/a/b");
    await client.create("/a/b/c");
    await client.create("/other");
    const events = await watcher.notifications();
    assert.deepEqual(
      events.map(({ type, path }) => [type, path]),
      [
        [1, "/a/b"],
        [1, "/a/b/c"],
      ],
    );
  });

  test("expires a silent session and deletes its ephemeral nodes", async () => {
    const clock = new ManualClock();
    await using keeper = await startKeeper({ clock });
    await using silent = await RawClient.connect(keeper.port, {
      timeoutMs: 4_000,
    });
    await silent.create("/e", "", { mode: "ephemeral" });
    await using other = await RawClient.connect(keeper.port, {
      timeoutMs: 40_000,
    });
    await other.ask(
      "exists",
      encode(ExistsRequest, { path: "/e", watch: true }),
    );
    for (let index = 0; index < 12; index++) clock.advance(500);
    assert.equal(await silent.next(), undefined);
    const events = await other.notifications();
    assert.deepEqual(
      events.map(({ type, path }) => [type, path]),
      [[2, "/e"]],
    );
    assert.equal(keeper.stats().sessionsExpired, 1);
  });

  test("forgives sessions for the time in which it was itself stopped", async () => {
    const manual = new ManualClock();
    let jumpedMs = 0;
    const clock: Clock = {
      nowMs: () => manual.nowMs() + jumpedMs,
      wallMs: () => manual.wallMs(),
      after: (delayMs, action) => manual.after(delayMs, action),
    };
    await using keeper = await startKeeper({ clock });
    await using client = await RawClient.connect(keeper.port, {
      timeoutMs: 4_000,
    });
    await client.create("/e", "", { mode: "ephemeral" });
    // As after SIGSTOP: one late timer instead of many.
    jumpedMs = 60_000;
    manual.advance(500);
    assert.equal((await client.ask("ping", text(""), -2)).err, 0);
    assert.equal(keeper.stats().sessionsExpired, 0);
  });

  test("hands a session over to a second connection", async () => {
    await using keeper = await startKeeper();
    await using first = await RawClient.connect(keeper.port);
    const session = first.session;
    assert.ok(session?.passwd);
    await using second = await RawClient.connect(keeper.port, {
      sessionId: session.sessionId,
      password: session.passwd,
    });
    assert.equal(second.session?.sessionId, session.sessionId);
    assert.equal(await first.next(), undefined);
    assert.equal((await second.create("/a")).err, 0);
  });

  test("fires what was missed when watches are set again", async () => {
    await using keeper = await startKeeper();
    await using client = await RawClient.connect(keeper.port);
    await client.create("/a");
    const reply = await client.create("/b");
    await client.ask(
      "setData",
      encode(SetDataRequest, { path: "/a", data: null, version: -1 }),
    );
    client.send(
      "setWatches",
      encode(SetWatches, {
        relativeZxid: reply.zxid,
        dataWatches: ["/a", "/b", "/gone"],
        existWatches: ["/b"],
        childWatches: ["/"],
      }),
      -8,
    );
    const events = await client.notifications();
    assert.deepEqual(
      events.map(({ type, path }) => [type, path]),
      [
        [3, "/a"],
        [2, "/gone"],
        [1, "/b"],
      ],
    );
  });

  test("removes empty containers and nodes past their time to live", async () => {
    const clock = new ManualClock();
    await using keeper = await startKeeper({ clock, containerCheckMs: 500 });
    await using client = await RawClient.connect(keeper.port);
    await client.create("/never-used", "", { mode: "container" });
    await client.create("/used", "", { mode: "container" });
    await client.create("/used/x");
    await client.ask(
      "delete",
      encode(DeleteRequest, { path: "/used/x", version: -1 }),
    );
    await client.create("/short", "", { mode: "persistent-ttl", ttlMs: 700 });
    // A plain create with the flags of a container makes none.
    const flags = CreateFlag.container;
    const fields = { data: null, acl: OPEN, flags };
    for (const path of ["/plain", "/plain/x"])
      await client.ask("create", encode(CreateRequest, { ...fields, path }));
    await client.ask(
      "delete",
      encode(DeleteRequest, { path: "/plain/x", version: -1 }),
    );
    clock.advance(500);
    assert.equal(keeper.stats().nodes, 4 + 3);
    clock.advance(500);
    assert.equal(keeper.stats().nodes, 4 + 2);
  });

  test("answers four-letter words, also to a sender that closes its half", async () => {
    await using keeper = await startKeeper();
    assert.equal(await fourLetters(keeper.port, "ruok"), "imok");
    assert.equal(await fourLetters(keeper.port, "isro"), "rw");
    assert.match(
      await fourLetters(keeper.port, "srvr"),
      /Mode: standalone\nNode count: 4\n$/,
    );
    assert.match(await fourLetters(keeper.port, "mntr"), /zk_znode_count\t4\n/);
    for (const word of ["stat", "conf", "cons", "envi", "dump", "wchs"])
      assert.notEqual(await fourLetters(keeper.port, word), "", word);
    assert.equal(await fourLetters(keeper.port, "nope"), "");
  });

  test("refuses an open address without users", async () => {
    await assert.rejects(
      startKeeper({ host: "0.0.0.0" }),
      (error) => error instanceof KeeperError && error.code === "open-address",
    );
  });

  test("names the address that is in use", async () => {
    await using keeper = await startKeeper();
    await assert.rejects(
      startKeeper({ port: keeper.port }),
      (error) =>
        error instanceof KeeperError && error.code === "address-in-use",
    );
  });
});

describe("startKeeper() with a file", () => {
  test("keeps nodes, sessions and ephemeral nodes over a restart", () =>
    inFolder(async (dataFile) => {
      const first = await startKeeper({ dataFile });
      await using client = await RawClient.connect(first.port);
      const session = client.session;
      assert.ok(session?.passwd);
      await client.create("/a", "kept");
      await client.create("/a/null", null);
      await client.create("/a/é", "bytes \u{ff}");
      const last = await client.create("/e", "", { mode: "ephemeral" });
      await first.close();
      await using second = await startKeeper({ dataFile });
      await using resumed = await RawClient.connect(second.port, {
        sessionId: session.sessionId,
        password: session.passwd,
        lastZxidSeen: last.zxid,
      });
      assert.equal(resumed.session?.sessionId, session.sessionId);
      assert.equal(await dataOf(resumed, "/a"), "kept");
      assert.equal(await dataOf(resumed, "/a/é"), "bytes \u{ff}");
      assert.equal(await dataOf(resumed, "/a/null"), "null");
      const ephemerals = decode(
        GetEphemeralsResponse,
        (await resumed.ask("getEphemerals", Buffer.alloc(4))).body,
      );
      assert.ok(ephemerals.kind === "value");
      assert.deepEqual(ephemerals.value.ephemerals, ["/e"]);
      const next = await resumed.create("/later");
      assert.ok(next.zxid > last.zxid);
    }));

  test("refuses a file in use", () =>
    inFolder(async (dataFile) => {
      await using keeper = await startKeeper({ dataFile });
      assert.ok(keeper.port > 0);
      await assert.rejects(
        startKeeper({ dataFile }),
        isFault("data-file-in-use"),
      );
    }));

  test("refuses a newer, a foreign and a damaged file and leaves them as they are", () =>
    inFolder(async (dataFile) => {
      const newer = new DatabaseSync(dataFile);
      newer.exec(
        "PRAGMA application_id = 1517252455; PRAGMA user_version = 99; CREATE TABLE t (x)",
      );
      newer.close();
      await refusesUnchanged(dataFile, "data-file-newer");
      const foreign = new DatabaseSync(dataFile);
      foreign.exec("PRAGMA application_id = 7; PRAGMA user_version = 1");
      foreign.close();
      await refusesUnchanged(dataFile, "data-file-foreign");
      await writeFile(dataFile, "this is not a data base, whatever its name");
      await refusesUnchanged(dataFile, "data-file-damaged");
    }));

  test("refuses a file with a damaged page", () =>
    inFolder(async (dataFile) => {
      const keeper = await startKeeper({ dataFile });
      await using client = await RawClient.connect(keeper.port);
      for (let index = 0; index < 200; index++)
        await client.create(`/n${index}`, "x".repeat(100));
      await keeper.close();
      const bytes = await readFile(dataFile);
      bytes.fill(0xa5, 4_096 * 3, 4_096 * 4);
      await writeFile(dataFile, bytes);
      await refusesUnchanged(dataFile, "data-file-damaged");
    }));
});

describe("a create request", () => {
  const refusals = [
    ["relative", "bad-arguments"],
    ["", "bad-arguments"],
    ["//a", "bad-arguments"],
    ["/no/parent", "no-node"],
    ["/zookeeper", "node-exists"],
    ["/a\u0001", "bad-arguments"],
    ["/..", "bad-arguments"],
  ] as const;
  for (const [path, code] of refusals) {
    test(`is refused for the path ${JSON.stringify(path)}: ${code}`, async () => {
      await using keeper = await startKeeper();
      await using client = await RawClient.connect(keeper.port);
      assert.equal((await client.create(path)).err, ErrorCode[code]);
    });
  }

  test("is refused when its ACL names nobody", async () => {
    await using keeper = await startKeeper();
    await using client = await RawClient.connect(keeper.port);
    const reply = await client.ask(
      "create",
      encode(CreateRequest, { path: "/a", data: null, acl: [], flags: 0 }),
    );
    assert.equal(reply.err, ErrorCode["invalid-acl"]);
  });

  test("is refused when memory is full, and reading goes on", async () => {
    await using keeper = await startKeeper({ maxMemoryBytes: 1_048_576 });
    await using client = await RawClient.connect(keeper.port);
    const data = Buffer.alloc(900_000);
    const fields = { data, acl: OPEN, flags: 0 };
    for (const [path, code] of [
      ["/a", "ok"],
      ["/b", "ok"],
      ["/c", "quota-exceeded"],
    ] as const) {
      const reply = await client.ask(
        "create",
        encode(CreateRequest, { ...fields, path }),
      );
      assert.equal(reply.err, ErrorCode[code]);
    }
    const list = await client.ask(
      "getChildren",
      encode(GetChildrenRequest, { path: "/", watch: false }),
    );
    assert.equal(list.err, 0);
  });
});

function isFault(code: string): (error: unknown) => boolean {
  return (error) => error instanceof KeeperError && error.code === code;
}

async function refusesUnchanged(dataFile: string, code: string): Promise<void> {
  const before = await readFile(dataFile);
  await assert.rejects(startKeeper({ dataFile }), isFault(code));
  assert.deepEqual(await readFile(dataFile), before);
}
