/** The proxy under a service manager: systemd's sockets, and what it is told. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { descriptorOf } from "../../src/proxy/index.ts";
import { runCommand, RunningCommand } from "../support/command.ts";
import { ConnectionHammer } from "../support/connection-hammer.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { RelayRunners } from "../support/relay-runners.ts";
import { RawClient, startTarget } from "./proxy-harness.ts";

/** As systemd does: LISTEN_PID is the process that it has become. */
function activation(names: readonly string[]): readonly string[] {
  const variables = `LISTEN_PID=$$ LISTEN_FDS=${names.length} LISTEN_FDNAMES=${names.join(":")}`;
  return ["sh", "-c", `${variables} exec "$0" "$@"`];
}

async function listening(t: TestContext): Promise<[Server, number]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return [server, (server.address() as AddressInfo).port]; // it listens on TCP
}

function numberOf(server: Server): number {
  return descriptorOf(server) ?? -1;
}

/** A folder with the configuration of one service. */
async function stage(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-service-manager-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const config = join(folder, "zoogate.yaml");
  await writeFile(
    config,
    `services:\n  www:\n    targets: ["http://127.0.0.1:${target.port}"]\n`,
  );
  const flags = ["--zookeeper", "none", "--config", config, "--workers", "2"];
  return { folder, flags };
}

test("zoogate proxy listens on the sockets that systemd has opened, in each worker, and hands them on", async (t) => {
  const { folder, flags } = await stage(t);
  const [web, port] = await listening(t);
  const [admin, adminPort] = await listening(t);
  const starting = RelayRunners.start(folder, flags, {
    listen: `127.0.0.1:${port}`,
    launcher: activation(["web", "admin"]),
    passed: [numberOf(web), numberOf(admin)],
  });
  web.close();
  admin.close();
  // The kernel takes it in while the proxy starts.
  const early = new RawClient(port).send(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  await using runners = await starting;
  assert.match(await early.all(), /^HTTP\/1.1 200/);
  const readiness = await get(`http://127.0.0.1:${adminPort}/readyz`);
  assert.equal(readiness.status, 200);
  await using hammer = new ConnectionHammer({ port, fresh: 4, kept: 4 });
  const lively = async (count: number) =>
    eventually(() => assert.ok(hammer.answered >= count));
  await lively(200);
  await runners.replace();
  await lively(hammer.answered + 200);
  await runners.replace();
  await lively(hammer.answered + 200);
  const result = await hammer.stop();
  assert.deepEqual([...result.failures], []);
  const after = await get(`http://127.0.0.1:${adminPort}/readyz`);
  assert.equal(after.status, 200);
});

test("zoogate proxy refuses a socket of systemd that no listener is for", async (t) => {
  const { folder, flags } = await stage(t);
  const [server, port] = await listening(t);
  const ended = runCommand(
    [
      "proxy",
      ...flags,
      "--listen",
      "127.0.0.1:0",
      "--admin",
      "127.0.0.1:0",
      "--data",
      folder,
    ],
    { launcher: activation(["stray"]), passed: [numberOf(server)] },
  );
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(`Cannot use socket 3 \\("stray", bound to 127.0.0.1:${port}\\)`),
  );
});

test("zoogate proxy leaves sockets alone that are meant for another process", async (t) => {
  const { folder, flags } = await stage(t);
  await using command = new RunningCommand(
    [
      "proxy",
      ...flags,
      "--listen",
      "127.0.0.1:0",
      "--admin",
      "127.0.0.1:0",
      "--data",
      folder,
    ],
    { env: { LISTEN_PID: "1", LISTEN_FDS: "1" } },
  );
  await command.ready();
});

/** Prints each datagram, its lines parted by spaces. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(65536).decode().replace("\\n", " "), flush=True)
`;

test("zoogate proxy tells systemd which process is the main one, after a take-over too", async (t) => {
  if (spawnSync("systemd-notify", ["--version"]).error !== undefined) {
    t.skip("systemd-notify is not installed");
    return;
  }
  const { folder, flags } = await stage(t);
  const path = join(folder, "notify");
  const receiver = spawn("python3", ["-c", RECEIVER, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => receiver.kill());
  const lines: string[] = [];
  createInterface({ input: receiver.stdout }).on("line", (line) => {
    lines.push(line);
  });
  await eventually(() => assert.ok(lines.includes("bound")));
  await using runners = await RelayRunners.start(folder, flags, {
    env: { NOTIFY_SOCKET: path },
  });
  const told = (pid: number) =>
    eventually(() =>
      assert.ok(
        lines.some(
          (line) => line.includes("READY=1") && line.includes(`MAINPID=${pid}`),
        ),
        lines.join("\n"),
      ),
    );
  await told(await runners.pid());
  const { old, next } = await runners.replace();
  assert.notEqual(old, next);
  await told(next);
});
