/**
 * What a person or a stranger gets wrong: each a clear line on stderr and a
 * non-zero exit where a command cannot go on, a 4xx where a request is wrong.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import { connect } from "../../src/zookeeper/index.ts";
import { RunningCommand, runCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { Stage } from "../support/site.ts";

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-bad-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A port that something else listens on. */
async function takenPort(t: TestContext): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

function assertOneLine(stderr: string, expected: RegExp): void {
  const lines = stderr.trim().split("\n");
  assert.match(stderr, expected);
  assert.equal(lines.length, 1, `one line, not:\n${stderr}`);
}

test("zoogate refuses an unknown command and an unknown flag with exit 2", async () => {
  const command = await runCommand(["frobnicate"]);
  assert.equal(command.code, 2);
  assert.match(command.stderr, /unknown command 'frobnicate'/u);
  for (const name of [
    "demo",
    "proxy",
    "serve",
    "register",
    "keeper",
    "status",
  ]) {
    const needed = name === "serve" ? ["."] : [];
    const { code, stderr } = await runCommand([
      name,
      ...needed,
      "--service=www",
      "--port=1",
      "--frob",
    ]);
    assert.equal(code, 2, name);
    assert.match(stderr, /unknown option '--/u);
  }
});

test("zoogate --help of every command names its flags and exits 0", async () => {
  const flags: Readonly<Record<string, readonly string[]>> = {
    demo: ["--listen"],
    proxy: [
      "--zookeeper",
      "--zookeeper-auth",
      "--listen",
      "--admin",
      "--data",
      "--workers",
    ],
    serve: [
      "--zookeeper",
      "--service",
      "--host",
      "--name",
      "--advertise",
      "--release",
      "--listen",
      "--data",
    ],
    register: [
      "--zookeeper",
      "--service",
      "--port",
      "--check",
      "--advertise",
      "--release",
    ],
    keeper: ["--listen", "--admin", "--data", "--open"],
    status: ["--zookeeper", "--zookeeper-auth"],
  };
  for (const [name, expected] of Object.entries(flags)) {
    const { code, stdout } = await runCommand([name, "--help"]);
    assert.equal(code, 0);
    for (const flag of expected)
      assert.ok(stdout.includes(flag), `${name} ${flag}`);
  }
});

test("zoogate proxy, keeper and serve name a port in use", async (t) => {
  const data = await temporaryFolder(t);
  const listen = `127.0.0.1:${await takenPort(t)}`;
  for (const args of [
    ["proxy", "--zookeeper", "127.0.0.1:1", "--admin", "127.0.0.1:0"],
    ["keeper"],
    ["serve", data, "--service", "www", "--zookeeper", "127.0.0.1:1"],
  ]) {
    const { code, stderr } = await runCommand([
      ...args,
      "--listen",
      listen,
      "--data",
      join(data, "state"),
    ]);
    assert.equal(code, 1, String(args[0]));
    assertOneLine(stderr, new RegExp(`${listen}.*in use`, "u"));
  }
});

test("zoogate proxy refuses a malformed address, connect string and number", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--listen", "nonsense"], /--listen "nonsense".*HOST:PORT/u],
    [["--zookeeper", "a:b:c"], /a:b:c/u],
    [["--workers", "many"], /--workers/u],
    [["--admin", "1"], /--admin "1"/u],
    [["--zookeeper-auth", "/nonexistent"], /"\/nonexistent".*ENOENT/u],
  ];
  for (const [args, expected] of cases) {
    const { code, stderr } = await runCommand(["proxy", ...args]);
    assert.ok(code === 1 || code === 2, args.join(" "));
    assert.match(stderr, expected);
  }
});

test("zoogate proxy without ZooKeeper or a snapshot waits, not ready, and says so", async (t) => {
  const data = await temporaryFolder(t);
  await using command = new RunningCommand([
    "proxy",
    "--zookeeper",
    "127.0.0.1:1",
    "--listen",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
    "--data",
    data,
  ]);
  await command.until(
    () =>
      /ZooKeeper.*127\.0\.0\.1:1|127\.0\.0\.1:1.*ZooKeeper/u.test(
        command.stderr,
      ),
    "a line that says what it waits for",
  );
  const admin = await eventually(() => {
    const found = /http:\/\/127\.0\.0\.1:\d+/u.exec(
      command.stderr.split("\n").find((line) => line.includes("admin")) ?? "",
    );
    assert.ok(found !== null);
    return found[0];
  });
  const answer = await get(`${admin}/readyz`);
  assert.equal(answer.status, 503);
  assert.equal(command.readyLines.length, 0);
  assert.equal((await command.stop()).code, 0);
});

test("zoogate serve names a directory that cannot be read", async (t) => {
  const folder = await temporaryFolder(t);
  const flags = [
    "--service",
    "www",
    "--zookeeper",
    "127.0.0.1:1",
    "--data",
    join(folder, "state"),
  ];
  const missing = await runCommand(["serve", join(folder, "none"), ...flags]);
  assert.equal(missing.code, 1);
  assertOneLine(missing.stderr, /none.*(?:ENOENT|no such|not exist)/iu);
  const file = join(folder, "file");
  await writeFile(file, "");
  const notFolder = await runCommand(["serve", file, ...flags]);
  assert.equal(notFolder.code, 1);
  assertOneLine(notFolder.stderr, /file/u);
  if (process.getuid?.() !== 0) {
    await chmod(file, 0);
  }
});

test("zoogate proxy keeps a service's last good definition when its znode is bad JSON", async () => {
  await using keeper = await startKeeper();
  await using stage = await Stage.open(keeper.connectString);
  const site = await stage.writeSite("site", "still here");
  await stage.serve(site, "web-1", ["--host", "good.example"]);
  const { url, command } = await stage.proxy();
  const ask = () => get(`${url}/`, { headers: { Host: "good.example" } });
  await eventually(async () => assert.equal((await ask()).status, 200));
  await using client = await connect(keeper.connectString);
  await client.setData("/zoogate/services/www", "{not json");
  await command.until(
    () => command.stderr.includes("/services/www"),
    "a line that names the znode",
  );
  assert.equal((await ask()).status, 200);
  const other = await get(`${url}/`, { headers: { Host: "bad.example" } });
  assert.equal(other.status, 404);
});

test("zoogate proxy answers malformed request heads with 4xx and goes on", async () => {
  await using keeper = await startKeeper();
  await using stage = await Stage.open(keeper.connectString);
  const site = await stage.writeSite("site", "hello");
  await stage.serve(site, "web-1");
  const { url } = await stage.proxy();
  await eventually(async () =>
    assert.equal((await get(`${url}/`)).status, 200),
  );
  const port = Number(new URL(url).port);
  const cases = [
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["GET / HTTP/1.1\nHost: a\n\n", 400],
    ["GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    [
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400],
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
    [`GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(200_000)}\r\n\r\n`, 431],
    ["\u0016\u0003\u0001\u0002\u0000\u0001", 400],
  ] as const;
  for (const [bytes, status] of cases) {
    const text = await exchange(port, bytes);
    assert.match(
      text,
      new RegExp(`^HTTP/1\\.1 ${status} `, "u"),
      JSON.stringify(bytes.slice(0, 60)),
    );
  }
  assert.equal((await get(`${url}/`)).status, 200);
});

/** Sends bytes and reads until the other side closes. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  socket.write(bytes, "latin1");
  await once(socket, "close");
  return text;
}
