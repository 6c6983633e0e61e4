import { type Command, Option } from "commander";
import { createReadStream } from "node:fs";
import { importTree } from "../../keeper/index.ts";
import {
  printNotMoved,
  treeCommand,
  type TreeFlags,
  withTree,
} from "../tree-flags.ts";

/** `zoogate keeper import` */
export function keeperImportCommand(): Command {
  return treeCommand("import", "Write an export into any ZooKeeper.")
    .argument("<file>", "what export wrote; - for standard input")
    .addOption(
      new Option(
        "--replace",
        "give nodes that are there already the data and ACL of the file",
      ).default(false),
    )
    .addHelpText(
      "after",
      `
Unless --replace is given, nothing is written when one of its nodes is there
already, the root aside. It is no transaction: when it fails in the middle, what
was written stays, and it can be repeated with --replace.

  zoogate keeper import tree.jsonl --zookeeper zk1:2181`,
    )
    .action((file: string, flags: TreeFlags & { readonly replace: boolean }) =>
      withTree(flags, async (zookeeper) => {
        if (zookeeper.chroot !== "") await zookeeper.ensurePath("/");
        const report = await importTree(zookeeper, readLines(file), flags);
        for (const notMoved of report.notMoved) printNotMoved(notMoved);
        process.stderr.write(
          `created ${report.created} nodes, replaced ${report.replaced}\n`,
        );
      }),
    );
}

async function* readLines(
  path: string,
): AsyncGenerator<string, void, undefined> {
  const stream = path === "-" ? process.stdin : createReadStream(path);
  stream.setEncoding("utf8");
  let rest = "";
  for await (const chunk of stream) {
    const lines = `${rest}${String(chunk)}`.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
