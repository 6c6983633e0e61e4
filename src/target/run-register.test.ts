import assert from "node:assert/strict";
import { createServer } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { JournalRecord } from "../base/index.ts";
import { FakeRegistry } from "./fake-registrar.fixture.ts";
import { parseHealthCheck } from "./health-check.ts";
import { runRegister } from "./run-register.ts";
import type { ReadyTarget } from "./run-serve.ts";
import type { CommandLine } from "./supervised-command.ts";
import { TargetError } from "./target-error.ts";

/** A small server on $PORT that ends with status 7 when it is told to. */
const SERVER = `
  const server = require("node:http").createServer((request, response) => {
    if (request.url === "/end") process.exit(7);
    response.statusCode = request.url === "/healthz" ? 204 : 404;
    response.end();
  });
  server.listen(process.env.PORT, "127.0.0.1");
  process.on("SIGTERM", () => process.exit(0));
`;

interface Stage {
  readonly registry: FakeRegistry;
  readonly journal: JournalRecord[];
  readonly ready: Promise<ReadyTarget>;
  readonly done: Promise<number>;
  readonly stop: AbortController;
}

function stage(
  t: TestContext,
  given: {
    readonly port: number;
    readonly command?: CommandLine;
    readonly check?: string;
    readonly release?: string;
    readonly cwd?: string;
    readonly registry?: FakeRegistry;
  },
): Stage {
  const { registry = new FakeRegistry() } = given;
  const journal: JournalRecord[] = [];
  const ready = Promise.withResolvers<ReadyTarget>();
  const stop = new AbortController();
  const kill = new AbortController();
  const { port, command, check = "tcp", release = "v1", cwd } = given;
  const done = runRegister({
    port,
    command,
    check: parseHealthCheck(check),
    service: "www",
    name: "one",
    release,
    cwd,
    zookeeperHosts: ["localhost"],
    openRegistrar: registry.open,
    journal: (record) => void journal.push(record),
    signal: stop.signal,
    kill: kill.signal,
    onReady: ready.resolve,
  });
  done.catch(ready.reject);
  ready.promise.catch(() => {});
  t.after(async () => {
    stop.abort();
    kill.abort();
    await done.catch(() => {});
  });
  return { registry, journal, ready: ready.promise, done, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

function node(source: string): CommandLine {
  return { file: process.execPath, args: ["-e", source] };
}

function events(journal: readonly JournalRecord[]): string[] {
  return journal.map(({ event }) => event);
}

describe("runRegister()", () => {
  it("runRegister() starts a command, registers it when it is well, drains and stops it", async (t) => {
    const port = await freePort();
    const { registry, ready, stop, done } = stage(t, {
      port,
      command: node(SERVER),
      check: "/healthz",
    });
    assert.equal((await ready).url, `http://127.0.0.1:${port}`);
    stop.abort();
    assert.equal(await done, 0);
    assert.deepEqual(registry.steps.value, [
      "registered one v1",
      "draining one",
    ]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  });

  it("runRegister() removes the registration and ends as its command ends", async (t) => {
    const port = await freePort();
    const { registry, journal, ready, done } = stage(t, {
      port,
      command: node(SERVER),
    });
    await ready;
    await fetch(`http://127.0.0.1:${port}/end`).catch(() => {});
    assert.equal(await done, 7);
    assert.equal(registry.steps.value.at(-1), "closed one");
    assert.deepEqual(events(journal).at(-1), "command-ended");
  });

  it("runRegister() never ends well with a command that ends before it answers", async (t) => {
    const { registry, journal, done } = stage(t, {
      port: await freePort(),
      command: node(""),
    });
    assert.equal(await done, 1);
    assert.deepEqual(registry.steps.value, []);
    assert.match(String(journal.at(-1)?.message), /before port \d+ answered/u);
  });

  it("runRegister() refuses to start while the port already answers", async (t) => {
    await using other = createServer((socket) => socket.destroy());
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert.ok(address !== null && typeof address === "object");
    const { done } = stage(t, { port: address.port, command: node(SERVER) });
    await assert.rejects(
      done,
      (error) =>
        error instanceof TargetError && error.code === "port-already-answers",
    );
  });

  it("runRegister() stops in order while ZooKeeper is away", async (t) => {
    const registry = new FakeRegistry();
    registry.available = new Promise(() => {});
    const port = await freePort();
    const command = node(SERVER);
    const { stop, done } = stage(t, { port, command, registry });
    while (registry.facts.length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    assert.equal(await done, 0);
    assert.deepEqual(registry.steps.value, ["draining one"]);
  });

  it("runRegister() says that there is no such command", async (t) => {
    const { done } = stage(t, {
      port: await freePort(),
      command: { file: "no-such-command-here", args: [] },
    });
    await assert.rejects(
      done,
      (error) =>
        error instanceof TargetError &&
        error.code === "command-not-found" &&
        error.message.includes("no-such-command-here"),
    );
  });

  it("runRegister() ends what its command has started", async (t) => {
    const port = await freePort();
    const { ready, stop, done } = stage(t, {
      port,
      command: {
        file: "sh",
        args: ["-c", '"$0" -e "$1"; true', process.execPath, SERVER],
      },
    });
    await ready;
    stop.abort();
    await done;
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  });

  it("runRegister() without a command follows the port: gone, back, with its release read anew", async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), "zoogate-register-"));
    t.after(() => rm(cwd, { recursive: true, force: true }));
    await writeFile(join(cwd, "x"), "");
    const port = await freePort();
    const { registry, journal, stop, done } = stage(t, { port, cwd });
    const first = createServer((socket) => socket.destroy());
    first.listen(port, "127.0.0.1");
    await registry.taken(1);
    first.close();
    await registry.taken(2);
    await using second = createServer((socket) => socket.destroy());
    second.listen(port, "127.0.0.1");
    await registry.taken(3);
    stop.abort();
    assert.equal(await done, 0);
    assert.deepEqual(registry.steps.value, [
      "registered one v1",
      "closed one",
      "registered one v1",
      "draining one",
    ]);
    assert.deepEqual(events(journal), ["target-down"]);
  });
});
