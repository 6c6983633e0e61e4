import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_SOCKET_MODE } from "../../base/index.ts";
import { isMode, parseListenAddress } from "../../config/index.ts";
import { runServe } from "../../target/index.ts";
import {
  addTargetOptions,
  type TargetFlags,
  withTarget,
} from "../target-flags.ts";

const DEFAULT_LISTEN = "127.0.0.1:3000";

interface ServeFlags extends TargetFlags {
  readonly listen: string;
  readonly socketMode: number;
  readonly spa: boolean;
}

/** `zoogate serve` */
export function serveCommand(): Command {
  const command = new Command("serve")
    .argument("<dir>", "the folder to serve")
    .addOption(
      new Option(
        "--listen <address>",
        "where it answers, HOST:PORT or unix:/PATH; port 0 takes a free one",
      ).default(DEFAULT_LISTEN),
    )
    .addOption(
      new Option(
        "--socket-mode <octal>",
        "the mode of a Unix socket's file: who may connect",
      )
        .argParser(parseMode)
        .default(DEFAULT_SOCKET_MODE, "660"),
    )
    .option(
      "--spa",
      "the site draws its own pages: a path that is no file gets index.html",
      false,
    );
  return addTargetOptions(command)
    .addHelpText(
      "after",
      `
Serves files with strong entity tags, ranges, types and index pages; nothing
outside <dir>, links included, and no name that begins with a dot. The release
is a digest of all paths and contents: change a file, and the new content is
live at once in every proxy. 404.html, if there is one, is sent for what is
missing, and file.br, file.gz or file.zst in place of file to clients that can
read it.

On SIGTERM it leaves in order: no new requests, those in flight finished.

  zoogate serve ./site --service www --host www.example.com`,
    )
    .action(async (dir: string, flags: ServeFlags) => {
      const listen = parseListenAddress(flags.listen, "--listen");
      const { socketMode, spa } = flags;
      await withTarget(flags, (options) =>
        runServe({ ...options, dir, listen, socketMode, spa }),
      );
    });
}

function parseMode(value: string): number {
  if (isMode(value)) return Number.parseInt(value, 8);
  throw new InvalidArgumentError("It should be octal digits, as in 660.");
}
