/** `zoogate keeper` as a process: its TLS port, its file, its limits, and trees moved to and from Apache ZooKeeper. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { connect, type ZooKeeper } from "../../src/zookeeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";
import {
  type RunningCommand,
  runCommand,
  startCommand,
} from "../support/command.ts";
import { freePort } from "../support/free-port.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "keeper-command-"));
});
after(() => rm(folder, { recursive: true, force: true }));

function addressOf(keeper: RunningCommand): string {
  return /ready (?<at>[^\s,]+)/u.exec(keeper.stdout)?.groups?.["at"] ?? "";
}

function startInMemory(...args: string[]): Promise<RunningCommand> {
  return startCommand([
    "keeper",
    "--ephemeral",
    "--listen",
    "127.0.0.1:0",
    ...args,
  ]);
}

async function treeOf(zk: ZooKeeper, path = "/"): Promise<readonly string[]> {
  const { data } = await zk.getData(path);
  const { acl } = await zk.getAcl(path);
  const rights = acl.map(({ perms, id }) => `${perms}:${id.scheme}:${id.id}`);
  const lines = [`${path} ${data?.toString("hex")} ${rights.join()}`];
  const { children } = await zk.getChildren(path);
  for (const child of children.toSorted())
    if (path !== "/" || child !== "zookeeper")
      lines.push(...(await treeOf(zk, `${path === "/" ? "" : path}/${child}`)));
  return lines;
}

async function fillTree(zk: ZooKeeper): Promise<void> {
  await zk.create("/a", Buffer.from([0, 200, 255]));
  await zk.create("/a/guarded", "secret", {
    acl: [{ perms: 31, id: { scheme: "auth", id: "" } }],
  });
  await zk.create("/queue");
  for (let index = 0; index < 3; index++)
    await zk.create("/queue/n-", null, { mode: "persistent-sequential" });
  await zk.create("/ephemeral", null, { mode: "ephemeral" });
}

describe("zoogate keeper export and import", () => {
  test(
    "move a tree from the keeper to Apache ZooKeeper and back, and name what stays",
    { skip: apacheZooKeeperMissing },
    async () => {
      const auth = [{ scheme: "digest", auth: "u:p" }];
      const credentials = join(folder, "credentials");
      await writeFile(credentials, "u:p\n");
      const as = ["--zookeeper-auth", credentials];
      await using keeper = await startInMemory();
      await using other = await startInMemory();
      await using apache = await startApacheZooKeeper();
      await using source = await connect(addressOf(keeper), { auth });
      await using middle = await connect(apache.connectString, { auth });
      await using target = await connect(addressOf(other), { auth });
      await fillTree(source);
      const there = join(folder, "there.jsonl");
      const back = join(folder, "back.jsonl");

      const exported = await runCommand([
        "keeper",
        "export",
        "--zookeeper",
        addressOf(keeper),
        ...as,
        "--output",
        there,
      ]);
      assert.equal(exported.code, 0, exported.stderr);
      assert.match(exported.stderr, /not moved: \/ephemeral \(ephemeral\)/u);
      const to = (at: string) => ["--zookeeper", at, ...as];
      const run = async (...args: string[]) => {
        const ended = await runCommand(["keeper", ...args]);
        assert.equal(ended.code, 0, ended.stderr);
        return ended;
      };
      await run("import", there, ...to(apache.connectString));
      const { stdout } = await run("export", ...to(apache.connectString));
      await writeFile(back, stdout);
      await run("import", back, ...to(addressOf(other)));

      const moved = await treeOf(middle);
      assert.ok(moved.length === 7, moved.join("\n"));
      assert.deepEqual(
        moved,
        (await treeOf(source)).filter((line) => !line.startsWith("/ephemeral")),
      );
      assert.deepEqual(await treeOf(target), moved);
      for (const zk of [middle, target]) {
        const { path } = await zk.create("/queue/n-", null, {
          mode: "persistent-sequential",
        });
        assert.equal(path, "/queue/n-0000000003");
      }

      const again = await runCommand([
        "keeper",
        "import",
        there,
        ...to(apache.connectString),
      ]);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /\/a is there already/u);
      await run("import", there, "--replace", ...to(apache.connectString));
    },
  );

  test("keep to a chroot, which an import makes", async () => {
    await using keeper = await startInMemory();
    await using zk = await connect(addressOf(keeper));
    await zk.ensurePath("/from/a/b");
    const file = join(folder, "chroot.jsonl");
    const at = (root: string) => ["--zookeeper", `${addressOf(keeper)}${root}`];
    await runCommand(["keeper", "export", ...at("/from"), "--output", file]);
    const { code, stderr } = await runCommand([
      "keeper",
      "import",
      file,
      ...at("/to/here"),
    ]);
    assert.equal(code, 0, stderr);
    assert.ok((await zk.exists("/to/here/a/b")) !== undefined);
  });

  test("leave no file behind and say why when they cannot go on", async () => {
    await using keeper = await startInMemory();
    const bad = join(folder, "bad.jsonl");
    await writeFile(bad, '{"format":"zoogate-tree","version":1}\n{"path":\n');
    const imported = await runCommand([
      "keeper",
      "import",
      bad,
      "--zookeeper",
      addressOf(keeper),
    ]);
    assert.equal(imported.code, 1);
    assert.match(imported.stderr, /Cannot import: line 2 is no JSON/u);
    const out = await mkdtemp(join(folder, "out-"));
    await using zk = await connect(addressOf(keeper));
    const exported = await runCommand([
      "keeper",
      "export",
      "--zookeeper",
      `${addressOf(keeper)}/none`,
      "--output",
      join(out, "tree.jsonl"),
    ]);
    assert.equal(exported.code, 1, exported.stderr);
    assert.deepEqual(await readdir(out), []);
    assert.equal(await zk.exists("/none"), undefined);
  });
});

/** A self-signed certificate; undefined where openssl is missing. */
function certificate(): { key: string; cert: string } | undefined {
  const to = mkdtempSync(join(tmpdir(), "keeper-command-tls-"));
  const files = { key: join(to, "key.pem"), cert: join(to, "cert.pem") };
  const { status } = spawnSync("openssl", [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1".split(" "),
    ..."-nodes -days 2 -subj /CN=localhost".split(" "),
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout",
    files.key,
    "-out",
    files.cert,
  ]);
  return status === 0 ? files : undefined;
}

const pem = certificate();
after(async () => {
  if (pem !== undefined)
    await rm(join(pem.key, ".."), { recursive: true, force: true });
});

describe("zoogate keeper", () => {
  test(
    "serves clients by TLS, with a certificate of the CA alone",
    { skip: pem === undefined ? "openssl is not installed" : false },
    async () => {
      assert.ok(pem);
      await using keeper = await startInMemory(
        "--tls-listen",
        "127.0.0.1:0",
        "--tls-ca",
        pem.cert,
        "--tls-cert",
        pem.cert,
        "--tls-key",
        pem.key,
      );
      const at = /, tls (?<at>\S+)$/mu.exec(keeper.stdout)?.groups?.["at"];
      assert.ok(at !== undefined, keeper.stdout);
      const ca = readFileSync(pem.cert);
      const key = readFileSync(pem.key);
      await using zk = await connect(at, { tls: { ca, cert: ca, key } });
      await zk.create("/by-tls", "x");
      await using plain = await connect(addressOf(keeper));
      assert.equal(String((await plain.getData("/by-tls")).data), "x");
      await assert.rejects(
        connect(at, { tls: { ca }, signal: AbortSignal.timeout(1_000) }),
      );
    },
  );

  test("refuses to start where its flags or its port cannot be used, saying why", async () => {
    await using keeper = await startInMemory();
    const port = addressOf(keeper);
    for (const [args, why] of [
      [["--listen", port], /Cannot listen on .*: the port is in use/u],
      [["--listen", "0.0.0.0:0"], /give --zookeeper-auth FILE, or --open/u],
      [["--tls-listen", "127.0.0.1:0"], /give --tls-cert and --tls-key/u],
      [["--tls-cert", "x"], /give --tls-listen, too/u],
      [["--max-sessions", "0"], /--max-sessions "0": it should be a whole/u],
      [["--tick-time", "soon"], /--tick-time "soon": it should be a duration/u],
    ] as const) {
      const listen = args[0] === "--listen" ? [] : ["--listen", "127.0.0.1:0"];
      const { code, stderr } = await runCommand([
        "keeper",
        "--ephemeral",
        ...listen,
        ...args,
      ]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, why);
    }
  });

  test("takes its limits from flags", async () => {
    await using keeper = await startInMemory(
      "--max-session-timeout",
      "6s",
      "--max-frame-size",
      "2KB",
    );
    await using zk = await connect(addressOf(keeper));
    assert.ok(zk.state.kind === "live" && zk.state.timeoutMs === 6_000);
    await zk.create("/fits", Buffer.alloc(1_000));
    await assert.rejects(zk.create("/large", Buffer.alloc(2_001)));
  });

  test("has sessions, ephemerals and data after a restart, and refuses a file that it cannot trust", async () => {
    const data = join(folder, "data");
    const port = await freePort();
    const args = ["keeper", "--data", data, "--listen", `127.0.0.1:${port}`];
    const first = await startCommand(args);
    await using zk = await connect(`127.0.0.1:${port}`);
    const { sessionId } = zk;
    await zk.create("/kept", "1");
    await zk.create("/mine", null, { mode: "ephemeral" });
    assert.equal((await first.stop("SIGKILL")).code, null);
    const second = await startCommand(args);
    assert.equal(String((await zk.getData("/kept")).data), "1");
    assert.equal(zk.sessionId, sessionId);
    const owner = (await zk.exists("/mine"))?.ephemeralOwner;
    assert.equal(owner, sessionId);
    assert.equal((await second.stop()).code, 0);
    await zk.close({ signal: AbortSignal.abort() });

    const [name = ""] = await readdir(data);
    const file = join(data, name, "keeper.db");
    const good = await readFile(file);
    const refusal = async (): Promise<string> => {
      const before = await readFile(file);
      const { code, stderr } = await runCommand(args);
      assert.equal(code, 1, stderr);
      assert.deepEqual(await readFile(file), before, "nothing was changed");
      return stderr;
    };
    await writeFile(file, Buffer.alloc(good.length, 0x5a));
    assert.match(await refusal(), /damaged/u);
    await writeFile(file, good);
    const database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.match(await refusal(), /has format 99/u);
  });
});
