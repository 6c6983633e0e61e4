import { type Command, Option } from "commander";
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exportTree, type NotMoved } from "../../keeper/index.ts";
import type { ZooKeeper } from "../../zookeeper/index.ts";
import {
  printNotMoved,
  treeCommand,
  type TreeFlags,
  withTree,
} from "../tree-flags.ts";

/** `zoogate keeper export` */
export function keeperExportCommand(): Command {
  return treeCommand("export", "Write any ZooKeeper's tree as lines of JSON.")
    .addOption(
      new Option(
        "--output <file>",
        "a file, replaced when all is there",
      ).default(undefined, "standard output"),
    )
    .addHelpText(
      "after",
      `
Data, ACLs and the numbers of sequential nodes move. Sessions, ephemeral nodes,
watches, versions and times do not, and containers and nodes with a time to live
become persistent ones; what is left out is named on stderr.

  zoogate keeper export --zookeeper zk1:2181 --output tree.jsonl`,
    )
    .action((flags: TreeFlags & { readonly output?: string }) =>
      withTree(flags, (zookeeper) =>
        flags.output === undefined
          ? writeTree(zookeeper, process.stdout)
          : writeTreeFile(zookeeper, flags.output),
      ),
    );
}

async function writeTreeFile(
  zookeeper: ZooKeeper,
  path: string,
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeTree(
      zookeeper,
      // Data and password digests are for its owner alone.
      createWriteStream(temporary, { flags: "wx", mode: 0o600, flush: true }),
    );
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeTree(zookeeper: ZooKeeper, to: Writable): Promise<void> {
  let nodes = 0;
  async function* lines(): AsyncGenerator<string, void, void> {
    nodes = -1; // the first line is no node
    for await (const line of exportTree(zookeeper, {
      onNotMoved: refuseWithoutRoot,
    })) {
      nodes += 1;
      yield `${line}\n`;
    }
  }
  await pipeline(Readable.from(lines()), to);
  process.stderr.write(`exported ${nodes} nodes\n`);
}

/** Without its root there is nothing to export. */
function refuseWithoutRoot(notMoved: NotMoved): void {
  if (notMoved.path === "/")
    throw new Error(
      `Cannot export: ${notMoved.because === "no-auth" ? "the credentials do not allow to read the root" : "there is no root"}`,
    );
  printNotMoved(notMoved);
}
