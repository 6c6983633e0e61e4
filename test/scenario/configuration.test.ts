/**
 * The configuration file, as its user sees it: real commands, files and
 * signals, targets that are plain servers.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import { RunningCommand, runCommand, urlOf } from "../support/command.ts";
import { connect } from "../../src/zookeeper/index.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { get } from "../support/http-client.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const EXAMPLE = join(ROOT, "examples", "zoogate.yaml");

/** A folder with a configuration file, and the proxy that runs from it. */
class Ground implements AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  #proxy: RunningCommand | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, "zoogate.yaml");
  }

  static async open(): Promise<Ground> {
    return new Ground(await mkdtemp(join(tmpdir(), "zoogate-config-")));
  }

  /** Writes the file: what all of these proxies need, and `text`. */
  async write(text: string): Promise<void> {
    await writeFile(
      this.file,
      `admin: 127.0.0.1:0\nworkers: 1\ndata: state\n${text}\n`,
    );
  }

  async proxy(flags: readonly string[] = []): Promise<RunningCommand> {
    this.#proxy = new RunningCommand([
      "proxy",
      "--config",
      this.file,
      ...flags,
    ]);
    await this.#proxy.ready();
    return this.#proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy?.[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A plain server that says who it is; answers its URL. */
async function target(
  t: TestContext,
  says: string | RequestListener,
): Promise<string> {
  const server = createServer(
    typeof says === "string"
      ? (_request, response) => response.end(says)
      : says,
  );
  server.on("error", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return `http://127.0.0.1:${address.port}`;
}

/** How often each target answered `count` requests. */
async function answersOf(
  url: string,
  count: number,
): Promise<Readonly<Record<string, number>>> {
  const answers: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const { status, body } = await get(`${url}/?${index}`);
    const says = status === 200 ? body.toString() : String(status);
    answers[says] = (answers[says] ?? 0) + 1;
  }
  return answers;
}

const ALONE = "zookeeper: none\nlisten: 127.0.0.1:0\n";

test("zoogate proxy serves static targets by weight, without any ZooKeeper", async (t) => {
  await using ground = await Ground.open();
  const one = await target(t, "one");
  const two = await target(t, "two");
  await ground.write(`${ALONE}
services:
  www:
    hosts: [127.0.0.1]
    targets: [{url: "${one}", weight: 3}, "${two}"]
`);
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  assert.match(await proxy.ready(), /1 services, 2 targets/u);
  assert.deepEqual(await answersOf(url, 40), { one: 30, two: 10 });
  const other = await get(url, { headers: { Host: "other.example" } });
  assert.equal(other.status, 404);
  const admin = /admin (?<url>\S+)/u.exec(await proxy.ready())?.groups?.["url"];
  assert.equal((await get(`${admin}/readyz`)).status, 200);
  assert.equal((await proxy.stop()).code, 0);
});

test("zoogate proxy lays static targets beside registered ones", async (t) => {
  await using keeper = await startKeeper();
  await using ground = await Ground.open();
  const fixed = await target(t, "fixed");
  const registered = await target(t, "registered");
  await using _register = new RunningCommand(
    [
      "register",
      "--service",
      "www",
      "--port",
      new URL(registered).port,
      "--zookeeper",
      keeper.connectString,
      "--data",
      join(ground.folder, "target"),
    ],
    // Outside of any checkout: its commit would be a release, and preferred.
    { cwd: ground.folder },
  );
  await _register.ready();
  await ground.write(`
zookeeper: ${keeper.connectString}
listen: 127.0.0.1:0
services:
  www:
    targets: ["${fixed}"]
`);
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  assert.deepEqual(await answersOf(url, 20), { fixed: 10, registered: 10 });
});

test("zoogate proxy serves static targets before ZooKeeper is there, and is ready when it is", async (t) => {
  await using ground = await Ground.open();
  const fixed = await target(t, "fixed");
  const registered = await target(t, "registered");
  const port = await freePort();
  await ground.write(
    `zookeeper: 127.0.0.1:${port}\nlisten: 127.0.0.1:0\nservices: {own: {hosts: [127.0.0.1], targets: ["${fixed}"]}}`,
  );
  const proxy = await ground.proxy();
  const line = await proxy.ready();
  const url = urlOf(line);
  const admin = /admin (?<url>\S+)/u.exec(line)?.groups?.["url"];
  assert.deepEqual(await answersOf(url, 2), { fixed: 2 });
  assert.equal((await get(`${admin}/readyz`)).status, 503);
  await using _keeper = await startKeeper({ port });
  await using client = await connect(`127.0.0.1:${port}`);
  const path = "/zoogate/services/www/targets";
  await client.ensurePath(path);
  await client.create(`${path}/a`, JSON.stringify({ url: registered }));
  await eventually(async () => {
    const other = await get(url, { headers: { Host: "other.example" } });
    assert.equal(other.body.toString(), "registered");
  }, 20_000);
  assert.equal((await get(`${admin}/readyz`)).status, 200);
  assert.deepEqual(await answersOf(url, 2), { fixed: 2 });
});

test("zoogate proxy applies a changed file on SIGHUP, and keeps the last good one", async (t) => {
  await using ground = await Ground.open();
  const one = await target(t, "one");
  const two = await target(t, "two");
  const services = (url: string) =>
    `services:\n  www:\n    targets: ["${url}"]\n`;
  await ground.write(`${ALONE}${services(one)}`);
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  assert.deepEqual(await answersOf(url, 2), { one: 2 });
  const long = () => get(`${url}/?${"x".repeat(4000)}`);
  assert.equal((await long()).status, 200);

  await ground.write(
    `${ALONE}log: {level: debug}\nlimits: {maxTargetSize: 1KiB}\ncache: {maxVariants: 3}\n${services(two)}`,
  );
  proxy.child.kill("SIGHUP");
  await proxy.until(
    () => proxy.stderr.includes("need a restart: cache.maxVariants"),
    "what needs a restart",
  );
  assert.match(
    proxy.stderr,
    /applied log\.level, limits\.maxTargetSize, services/u,
  );
  await eventually(async () =>
    assert.deepEqual(await answersOf(url, 2), { two: 2 }),
  );
  await eventually(async () => assert.equal((await long()).status, 414));

  await ground.write(`${ALONE}services:\n  www:\n    targets: ["nowhere"]\n`);
  proxy.child.kill("SIGHUP");
  await proxy.until(
    () => /zoogate\.yaml:8:15: .*nowhere.*last good/u.test(proxy.stderr),
    "file, line and column of the mistake",
  );
  assert.deepEqual(await answersOf(url, 2), { two: 2 });

  await ground.write(`${ALONE}${services(one)}`);
  proxy.child.kill("SIGHUP");
  await eventually(async () =>
    assert.deepEqual(await answersOf(url, 2), { one: 2 }),
  );
});

test("zoogate proxy drops what is stored of a service whose release changes in its file", async (t) => {
  await using ground = await Ground.open();
  let asked = 0;
  const one = await target(t, (_request, response) => {
    asked += 1;
    response.setHeader("Cache-Control", "max-age=1000");
    response.end(String(asked));
  });
  const services = (release: string) =>
    `${ALONE}services: {www: {release: "${release}", targets: ["${one}"]}}`;
  await ground.write(services("1"));
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  const page = async () => (await get(url)).body.toString();
  assert.deepEqual([await page(), await page()], ["1", "1"]);
  await ground.write(services("2"));
  proxy.child.kill("SIGHUP");
  await eventually(async () => assert.equal(await page(), "2"));
  assert.equal(await page(), "2");
});

test("zoogate proxy cuts no request in flight when a reload takes its target away", async (t) => {
  await using ground = await Ground.open();
  const begun = Promise.withResolvers<() => void>();
  const slow = await target(t, (request, response) => {
    if (request.url !== "/") {
      response.end("slow"); // the reload has not been seen yet
      return;
    }
    response.write("begun, ");
    begun.resolve(() => response.end("ended"));
  });
  const next = await target(t, "next");
  await ground.write(`${ALONE}services: {www: {targets: ["${slow}"]}}`);
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  const answer = get(url);
  const finish = await begun.promise;
  await ground.write(`${ALONE}services: {www: {targets: ["${next}"]}}`);
  proxy.child.kill("SIGHUP");
  await eventually(async () =>
    assert.deepEqual(await answersOf(url, 1), { next: 1 }),
  );
  finish();
  assert.equal((await answer).body.toString(), "begun, ended");
});

test("zoogate proxy listens on every address of a list, or of repeated flags", async (t) => {
  await using ground = await Ground.open();
  const one = await target(t, "one");
  await ground.write(
    `zookeeper: none\nlisten: [127.0.0.1:0, "[::1]:0"]\nservices: {www: {targets: ["${one}"]}}`,
  );
  const fromFile = await ground.proxy();
  const urls = (await fromFile.ready()).match(/http:\/\/[^\s,]+/gu) ?? [];
  assert.equal(urls.length, 3, "two listeners and the admin server");
  for (const url of urls.slice(0, 2))
    assert.equal((await get(url)).body.toString(), "one");
  await fromFile.stop();
  const flags = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"];
  const fromFlags = await ground.proxy(flags);
  assert.match(
    await fromFlags.ready(),
    /http:\/\/127\.0\.0\.1:\d+ http:\/\/127\.0\.0\.2:\d+/u,
  );
});

test("zoogate proxy takes head limits from its file, for clients and targets", async (t) => {
  await using ground = await Ground.open();
  const one = await target(t, (request, response) => {
    if (request.url === "/long") response.setHeader("X", "y".repeat(3000));
    response.end("one");
  });
  await ground.write(
    `${ALONE}limits: {maxHeadSize: 2KiB, maxFields: 20}\nservices: {www: {targets: ["${one}"]}}`,
  );
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  const status = async (headers: Readonly<Record<string, string>>) =>
    (await get(url, { headers })).status;
  assert.equal(await status({ X: "y".repeat(1000) }), 200);
  assert.equal(await status({ X: "y".repeat(3000) }), 431);
  const fields = Object.fromEntries(
    Array.from({ length: 25 }, (_, index) => [`X-${index}`, "y"]),
  );
  assert.equal(await status(fields), 431);
  assert.equal((await get(`${url}/long`)).status, 502);
});

test("zoogate proxy writes an access log, reopens it on SIGUSR1 and loses no line", async (t) => {
  await using ground = await Ground.open();
  const one = await target(t, "one");
  await ground.write(
    `${ALONE}accessLog: {file: access.log}\nservices: {www: {targets: ["${one}"]}}`,
  );
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  const log = join(ground.folder, "access.log");
  const lines = async (path: string) =>
    (await readFile(path, "utf8")).split("\n").slice(0, -1);
  const headers = { "User-Agent": 'a "quoted"\tagent' };
  await get(`${url}/first?q=1`, { headers });
  await eventually(async () => assert.equal((await lines(log)).length, 1));
  const record: unknown = JSON.parse((await lines(log))[0] ?? "");
  assert.ok(typeof record === "object" && record !== null);
  const { time, ms, ...rest } = record as Record<string, unknown>; // as this test says below
  assert.ok(typeof time === "string" && typeof ms === "number");
  assert.deepEqual(rest, {
    client: "127.0.0.1",
    method: "GET",
    host: new URL(url).host,
    path: "/first?q=1",
    version: "1.1",
    status: 200,
    bytes: 3,
    service: "www",
    target: new URL(one).host,
    cache: rest["cache"],
    referer: "",
    agent: 'a "quoted"\tagent',
  });

  await rename(log, `${log}.1`);
  proxy.child.kill("SIGUSR1");
  await proxy.until(
    () => proxy.stderr.includes("opened anew"),
    "that the log was opened anew",
  );
  await answersOf(url, 20);
  assert.equal((await proxy.stop()).code, 0);
  const all = [...(await lines(`${log}.1`)), ...(await lines(log))];
  assert.equal(all.length, 21);
});

test("zoogate proxy tells in its access log what came from the cache, and whose it was", async (t) => {
  await using ground = await Ground.open();
  const one = await target(t, (_request, response) => {
    response.setHeader("Cache-Control", "max-age=100");
    response.end("one");
  });
  await ground.write(
    `${ALONE}accessLog: {file: "-"}\nservices: {www: {targets: ["${one}"]}}`,
  );
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  await get(url);
  await get(url);
  const hit =
    /"status":200,"bytes":3,"ms":[\d.]+,"service":"www","target":"","cache":"hit"/u;
  await proxy.until(() => hit.test(proxy.stdout), "the line of a hit");
  assert.equal((await proxy.stop()).code, 0);
});

test("zoogate proxy writes the combined format to stdout", async (t) => {
  await using ground = await Ground.open();
  const one = await target(t, "one");
  await ground.write(
    `${ALONE}accessLog: {file: "-", format: combined, records: 256}\nservices: {www: {targets: ["${one}"]}}`,
  );
  const proxy = await ground.proxy();
  const url = urlOf(await proxy.ready());
  await get(`${url}/a"b`, { headers: { Referer: "http://x/" } });
  const line =
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/\S+ HTTP\/1\.1" 200 3 "http:\/\/x\/" "-"$/mu;
  await proxy.until(() => line.test(proxy.stdout), "the request");
  assert.equal((await proxy.stop()).code, 0);
});

test("zoogate proxy --check-config prints what is in force and where it comes from", async () => {
  await using ground = await Ground.open();
  await ground.write(
    `${ALONE}limits: {headTimeout: 2s}\nservices: {www: {targets: ["http://127.0.0.1:9"]}}`,
  );
  const { code, stdout } = await runCommand(
    ["proxy", "--config", ground.file, "--check-config", "--log-level=warn"],
    { env: { ZOOGATE_WORKERS: "2" } },
  );
  assert.equal(code, 0);
  for (const [key, value, source] of [
    ["limits.headTimeout", "2s", "file"],
    ["workers", "2", "environment"],
    ["log.level", "warn", "flag"],
    ["limits.maxHeadSize", "32KiB", "default"],
  ] as const)
    assert.match(stdout, new RegExp(`^${key}: +${value} +# ${source}$`, "mu"));
  assert.match(stdout, /^services\.www: +\[http:\/\/127\.0\.0\.1:9\]/mu);
});

test("zoogate proxy refuses a bad file, and says all that is wrong, with line and column", async () => {
  await using ground = await Ground.open();
  await ground.write(`${ALONE}limts: {}
services:
  www:
    hots: [a.example]
    targets: [ftp://x]
`);
  for (const more of [["--check-config"], []]) {
    const { code, stdout, stderr } = await runCommand([
      "proxy",
      "--config",
      ground.file,
      ...more,
    ]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    const lines = stderr.trim().split("\n");
    assert.equal(lines.length, 3, stderr);
    assert.match(lines[0] ?? "", /zoogate\.yaml:6:1: .*"limts".*"limits"/u);
    assert.match(lines[1] ?? "", /zoogate\.yaml:9:5: .*services\.www\.hots/u);
    assert.match(lines[2] ?? "", /zoogate\.yaml:10:15: .*ftp:\/\/x/u);
  }
  const missing = await runCommand(["proxy", "--config", "/nonexistent.yaml"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /nonexistent\.yaml.*ENOENT/u);
  const nothing = await runCommand(["proxy", "--zookeeper", "none"]);
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /without ZooKeeper/u);
});

test("docs/configuration.md names every setting as the tables do", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, "scripts", "write-option-reference.ts"), "--check"],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
});

test("examples/zoogate.yaml loads", async () => {
  const { code, stdout, stderr } = await runCommand([
    "proxy",
    "--config",
    EXAMPLE,
    "--check-config",
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /services\.\w+/u);
});
