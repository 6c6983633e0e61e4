import assert from "node:assert/strict";
import { once } from "node:events";
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  request,
  type RequestListener,
} from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Worker } from "node:worker_threads";
import { startKeeper } from "../../src/keeper/index.ts";
import { proxyHeader } from "../../src/http/index.ts";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import { announce } from "../../src/target/index.ts";
import { connect as connectZooKeeper } from "../../src/zookeeper/index.ts";
import { runCommand, startCommand, urlOf } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { ended, RelayRunners } from "../support/relay-runners.ts";
import {
  serviceView,
  startProxy,
  startTarget,
  targetView,
} from "./proxy-harness.ts";

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-sockets-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The body of a GET over a Unix socket. */
async function askAt(socketPath: string, headers: Record<string, string> = {}) {
  const asked = request({ socketPath, path: "/", headers });
  const response = once(asked, "response");
  asked.end();
  const [answer] = (await response) as [IncomingMessage];
  let body = "";
  for await (const chunk of answer.setEncoding("utf8")) body += String(chunk);
  return body;
}

const tellFor: RequestListener = (incoming, response) => {
  response.end(
    `for=${incoming.headersDistinct["x-forwarded-for"]?.join(", ") ?? ""}`,
  );
};

/** A data plane that listens on `web.sock`. */
async function startAtSocket(
  t: TestContext,
  options: Partial<DataPlaneOptions> & {
    readonly proxyProtocol?: boolean;
  } = {},
) {
  const { proxyProtocol = false, ...others } = options;
  const folder = await folderOf(t);
  const socketPath = join(folder, "web.sock");
  const target = await startTarget(tellFor);
  t.after(target.close);
  const { plane } = await startProxy([serviceView([target.view()])], {
    listen: [{ host: "", port: 0, socketPath, proxyProtocol }],
    ...others,
  });
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  return { plane, folder, socketPath };
}

test("a listener on a Unix socket answers, whichever worker it belongs to, and goes with the proxy", async (t) => {
  const { plane, folder, socketPath } = await startAtSocket(t, { workers: 2 });
  assert.equal(await askAt(socketPath), "for=unix:");
  assert.equal((await lstat(socketPath)).mode & 0o777, 0o660);
  await plane.close();
  assert.deepEqual(await readdir(folder), []);
});

test("a listener on a Unix socket comes back with the worker that replaces its own", async (t) => {
  const { plane, socketPath } = await startAtSocket(t, { workers: 2 });
  assert.ok(
    "workerThread" in plane && typeof plane.workerThread === "function",
  );
  await (plane.workerThread(1) as Worker).terminate();
  await eventually(async () => {
    assert.equal(await askAt(socketPath), "for=unix:");
  });
});

test("a listener on a Unix socket believes X-Forwarded-For where unix: is trusted", async (t) => {
  const { socketPath } = await startAtSocket(t, { trusted: ["unix:"] });
  const headers = { "X-Forwarded-For": "192.0.2.7" };
  assert.equal(await askAt(socketPath, headers), "for=192.0.2.7, unix:");
});

test("a listener on a Unix socket takes the PROXY protocol where unix: is believed", async (t) => {
  const { socketPath } = await startAtSocket(t, {
    proxyProtocol: true,
    proxyPeers: ["unix:"],
  });
  const socket = connect({ path: socketPath });
  t.after(() => socket.destroy());
  const ends = {
    source: { address: "192.0.2.7", port: 1 },
    destination: { address: "192.0.2.1", port: 80 },
  };
  socket.write(proxyHeader("v2", ends));
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let text = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    text += String(chunk);
    if (text.includes("for=")) break;
  }
  assert.match(text, /for=192\.0\.2\.7$/);
});

test("a target at a Unix socket is asked, checked, ejected and found again", async (t) => {
  const folder = await folderOf(t);
  const socketPath = join(folder, "app.sock");
  const start = async () => {
    const server = createServer((incoming, response) => {
      response.end(`${incoming.headers.host ?? ""} ${incoming.url ?? ""}`);
    });
    server.listen(socketPath);
    await once(server, "listening");
    return server;
  };
  const first = await start();
  const view = targetView(0, {
    name: "app",
    url: `unix:${socketPath}`,
    host: "",
    socketPath,
  });
  const { plane, url } = await startProxy([
    serviceView([view], {
      definition: {
        retry: {
          attempts: 3,
          headTimeoutMs: 60_000,
          statuses: [502, 503, 504],
          deadlineMs: 10_000,
          waitMs: 0,
        },
      },
    }),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const host = new URL(url).host;
  assert.equal((await get(`${url}/x`)).body.toString(), `${host} /x`);
  first.closeAllConnections();
  first.close();
  await once(first, "close");
  assert.equal((await get(`${url}/x`)).status, 502);
  const again = await start();
  t.after(() => {
    again.closeAllConnections();
    again.close();
  });
  await eventually(async () => {
    assert.equal((await get(`${url}/x`)).status, 200);
  });
});

/** A command line of words without spaces in them. */
function words(text: string): readonly string[] {
  return text.split(" ");
}

/** The arguments of a proxy before the target at a port. */
async function commandBefore(folder: string, port: number) {
  const file = join(folder, "zoogate.yaml");
  await writeFile(
    file,
    `zookeeper: none
listen: [unix:${join(folder, "web.sock")}, 127.0.0.1:0]
socketMode: "600"
admin: 127.0.0.1:0
data: ${join(folder, "data")}
workers: 2
accessLog: {file: ${join(folder, "access.log")}}
services: {www: {targets: ["http://127.0.0.1:${port}"]}}
`,
  );
  return ["proxy", "--config", file];
}

test("zoogate proxy listens on a Unix socket, replaces a dead one, takes none that answers, and cleans up", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "web.sock");
  const target = await startTarget(tellFor);
  t.after(target.close);
  const args = await commandBefore(folder, target.port);
  await using killed = await startCommand(args);
  const [ready = ""] = killed.readyLines;
  assert.ok(ready.startsWith(`ready unix:${path} http://`), ready);
  assert.equal((await lstat(path)).mode & 0o777, 0o600);
  assert.equal(await askAt(path), "for=unix:");
  const beside = await runCommand(args);
  assert.equal(beside.code, 1);
  assert.match(
    beside.stderr,
    /Cannot listen on unix:\S+: somebody listens there/u,
  );
  assert.equal(await askAt(path), "for=unix:");
  await killed.stop("SIGKILL");
  assert.ok((await lstat(path)).isSocket());

  await using next = await startCommand(args);
  assert.equal(await askAt(path), "for=unix:");
  assert.equal((await next.stop()).code, 0);
  await assert.rejects(lstat(path), { code: "ENOENT" });
  const log = await readFile(join(folder, "access.log"), "utf8");
  assert.match(log, /"client":"unix:"/u);

  await writeFile(path, "precious");
  const refused = await runCommand(args);
  assert.match(refused.stderr, /there is a file that is no socket/u);
  assert.equal(await readFile(path, "utf8"), "precious");
});

test("zoogate proxy leaves its Unix socket to the process that takes over", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "web.sock");
  const target = await startTarget(tellFor);
  t.after(target.close);
  const config = join(folder, "zoogate.yaml");
  await writeFile(
    config,
    `services: {www: {targets: ["http://127.0.0.1:${target.port}"]}}`,
  );
  await using runners = await RelayRunners.start(
    folder,
    words(
      `--zookeeper none --config ${config} --workers 2 --listen unix:${path} --set limits.drainIdle=100ms`,
    ),
  );
  for (let count = 0; count < 2; count++) {
    assert.equal(await askAt(path), "for=unix:");
    const { old } = await runners.replace();
    await ended(old);
  }
  assert.equal(await askAt(path), "for=unix:");
  process.kill(await runners.pid(), "SIGTERM");
  await eventually(() => assert.rejects(lstat(path), { code: "ENOENT" }));
});

/** A server at the socket that its first argument names. */
const SERVER = `
require("node:http")
  .createServer((asked, answer) => answer.end("app " + asked.url))
  .listen(process.argv[1]);
process.on("SIGTERM", () => process.exit(0));
`;

test("zoogate serve and zoogate register announce Unix sockets, and the proxy asks them there", async (t) => {
  const folder = await folderOf(t);
  const site = join(folder, "site");
  await mkdir(site);
  await writeFile(join(site, "index.html"), "a page");
  const paths = {
    site: join(folder, "site.sock"),
    app: join(folder, "app.sock"),
  };
  await using keeper = await startKeeper();
  const common = `--zookeeper ${keeper.connectString} --data ${folder}`;
  await using serve = await startCommand(
    words(
      `serve ${site} --service site --host site.example --listen unix:${paths.site} --socket-mode 600 ${common}`,
    ),
  );
  await using register = await startCommand([
    ...words(
      `register --service app --host app.example --socket ${paths.app} --check /up ${common} --`,
    ),
    process.execPath,
    "-e",
    SERVER,
    paths.app,
  ]);
  const [ready = ""] = serve.readyLines;
  assert.ok(ready.startsWith(`ready unix:${paths.site}, as `), ready);
  assert.equal((await lstat(paths.site)).mode & 0o777, 0o600);
  await using proxy = await startCommand(
    words(
      `proxy --listen 127.0.0.1:0 --admin 127.0.0.1:0 --workers 1 ${common}`,
    ),
  );
  const url = urlOf(proxy.readyLines[0] ?? "");
  const asked = async (host: string) =>
    (await get(`${url}/`, { headers: { Host: host } })).body.toString();
  assert.equal(await asked("site.example"), "a page");
  assert.equal(await asked("app.example"), "app /");
  await using zk = await connectZooKeeper(`${keeper.connectString}/zoogate`);
  for (const name of ["site", "app"] as const) {
    const folderOfTargets = `/services/${name}/targets`;
    const { children } = await zk.getChildren(folderOfTargets);
    assert.equal(children.length, 1);
    const { data } = await zk.getData(
      `${folderOfTargets}/${children[0] ?? ""}`,
    );
    const { url: registered } = JSON.parse(String(data)) as { url: string };
    assert.equal(registered, `unix:${paths[name]}`);
  }
  assert.equal((await serve.stop()).code, 0);
  assert.equal((await register.stop()).code, 0);
  await assert.rejects(lstat(paths.site), { code: "ENOENT" });
});

test("announce() registers a server that listens on a path", async (t) => {
  const path = join(await folderOf(t), "app.sock");
  await using keeper = await startKeeper();
  const options = { service: "app", zookeeper: keeper.connectString };
  const server = createServer((_asked, answer) => void answer.end("app"));
  server.listen(path);
  await using announcement = await announce(server, options);
  assert.equal(announcement.url, `unix:${path}`);
  assert.match(announcement.name, /:\/.*app\.sock$/u);
});

test("zoogate register wants a port or a socket, and not both", async () => {
  for (const more of ["", " --port 1 --socket /a"]) {
    const { code, stderr } = await runCommand(
      words(`register --service app${more}`),
    );
    assert.equal(code, 2);
    assert.match(stderr, /--socket/u);
  }
});
