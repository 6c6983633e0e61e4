/** Other people's clients, unchanged, against the keeper. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { type Keeper, startKeeper } from "../../src/keeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";

const ZK_CLI = "/usr/share/zookeeper/bin/zkCli.sh";
const CLI_MT = "/usr/lib/zookeeper/bin/cli_mt";
const PYTHON = "/usr/bin/python3";
const KAZOO_SCRIPT = fileURLToPath(
  new URL("./keeper-kazoo.py", import.meta.url),
);
const LIMIT_MS = 20_000;

/** Why a program's test is skipped; false where it is there. */
function missing(path: string): string | false {
  return existsSync(path) ? false : `${path} is not installed`;
}

interface Output {
  readonly text: string;
  readonly code: number | null;
}

/** Runs a program to its end; answers what it printed. */
function run(
  program: string,
  args: readonly string[],
  input = "",
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    let text = "";
    child.stdout?.on("data", (chunk) => (text += String(chunk)));
    child.stderr?.on("data", (chunk) => (text += String(chunk)));
    child.stdin?.on("error", () => {});
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ text, code });
    });
    child.stdin?.end(input);
  });
}

const kazooMissing = await (async () => {
  if (!existsSync(PYTHON)) return `${PYTHON} is not installed`;
  const { code } = await run(PYTHON, ["-c", "import kazoo"]);
  return code === 0 ? false : "python3-kazoo is not installed";
})();

describe("kazoo", () => {
  test(
    "finds its recipes working on the keeper",
    { skip: kazooMissing },
    async () => {
      await using keeper = await startKeeper();
      const { text, code } = await run(PYTHON, [
        KAZOO_SCRIPT,
        keeper.connectString,
      ]);
      assert.equal(code, 0, text);
      assert.equal(text.match(/^ok /gmu)?.length, 11, text);
    },
  );
});

const ZK_CLI_COMMANDS = [
  "create /cli hello",
  "create -e /cli/e x",
  "create -s /cli/s- y",
  "create -s -e /cli/se- y",
  "create -c /cli/container",
  "create -t 60000 /cli/ttl",
  "create -s -t 60000 /cli/ttl-",
  "create /cli again",
  "create /no/parent x",
  "ls /cli",
  "ls -s /cli",
  "ls -R /cli",
  "get -s /cli",
  "get -w /cli",
  "set -v 0 /cli world",
  "set -v 0 /cli stale",
  "stat -w /cli/none",
  "create /cli/none",
  "getAcl /cli",
  "addauth digest u:p",
  "setAcl /cli auth:u:p:cdrwa",
  "getAcl -s /cli",
  "whoami",
  "addWatch -m PERSISTENT_RECURSIVE /cli",
  "create /cli/w x",
  "set /cli/w y",
  "delete /cli/w",
  "removewatches /cli",
  "removewatches /cli",
  "getEphemerals",
  "getAllChildrenNumber /cli",
  "sync /cli",
  "config",
  "setquota -n 100 /cli",
  "listquota /cli",
  "delquota /cli",
  "delete /cli",
  "delete -v 7 /cli/s-0000000001",
  "deleteall /cli",
  "ls /",
  "quit",
].join("\n");

/**
 * What zkCli.sh printed, without what differs between two runs. Its threads
 * print events and answers side by side: the events come last here.
 */
function comparable(text: string): string[] {
  const isEvent = (line: string) => /^WATCHER::|^WatchedEvent/u.test(line);
  const lines = comparableLines(text);
  return [...lines.filter((line) => !isEvent(line)), ...lines.filter(isEvent)];
}

function comparableLines(text: string): string[] {
  return text
    .split("\n")
    .filter(
      (line) =>
        !/INFO|WARN|^Connecting to|^JLine|^\s*$|^Welcome|CONNECT/u.test(line),
    )
    .map((line) =>
      line
        .replace(/^(ctime|mtime) = .*/u, "$1")
        // The keeper keeps no quotas: the limits are nodes like others, and
        // nobody counts against them.
        .replace(/^Output stat for .*/u, "usage")
        .replace(/^ephemeralOwner = 0x[1-9a-f].*/u, "ephemeralOwner")
        .replace(/^(\s*at|Caused by).*/u, ""),
    )
    .map((line) =>
      // Children have no order.
      /^\[.*\]$/u.test(line)
        ? line.slice(1, -1).split(", ").sort().join(", ")
        : line,
    );
}

describe("zkCli.sh", () => {
  test(
    "prints on the keeper what it prints on Apache ZooKeeper, line by line",
    { skip: missing(ZK_CLI) || apacheZooKeeperMissing },
    async () => {
      await using keeper = await startKeeper();
      await using apache = await startApacheZooKeeper();
      const outputs: string[][] = [];
      for (const at of [apache.connectString, keeper.connectString]) {
        const { text } = await run(
          ZK_CLI,
          ["-server", at],
          `${ZK_CLI_COMMANDS}\n`,
        );
        outputs.push(comparable(text));
      }
      assert.ok((outputs[0]?.length ?? 0) > 80, "zkCli.sh printed too little");
      assert.deepEqual(outputs[1], outputs[0]);
    },
  );
});

describe("cli_mt", () => {
  test(
    "creates, sets, lists and deletes on the keeper",
    { skip: missing(CLI_MT) },
    async () => {
      await using keeper = await startKeeper();
      const c = (command: string) => cliMt(keeper, command);
      assert.match(await c("create /c"), /rc = 0/u);
      assert.match(await c("create2 /c/two"), /rc = 0/u);
      assert.match(await c("create +s /c/s-"), /rc = 0/u);
      assert.match(await c("create +c /c/container"), /rc = 0/u);
      assert.match(await c("create +t=60000 /c/ttl"), /rc = 0/u);
      assert.match(await c("set /c hello"), /rc = 0/u);
      assert.match(await c("get /c"), /hello/u);
      assert.match(await c("ls2 /c"), /two[^]*ttl[^]*czxid=2/u);
      assert.match(await c("sync /c"), /rc = 0/u);
      assert.match(await c("delete /c"), /rc = -111/u);
      assert.match(await c("delete /c/two"), /rc = 0/u);
    },
  );
});

async function cliMt(keeper: Keeper, command: string): Promise<string> {
  const { text } = await run(CLI_MT, [
    "-h",
    keeper.connectString,
    "-c",
    command,
  ]);
  return text;
}
