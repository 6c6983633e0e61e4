import { Command, Option } from "commander";
import { parseAddress } from "../../config/index.ts";
import { runServe } from "../../target/index.ts";
import {
  addTargetOptions,
  type TargetFlags,
  withTarget,
} from "../target-flags.ts";

const DEFAULT_LISTEN = "127.0.0.1:3000";

/** `zoogate serve` */
export function serveCommand(): Command {
  const command = new Command("serve")
    .argument("<dir>", "the folder to serve")
    .addOption(
      new Option(
        "--listen <address>",
        "where it answers; port 0 takes a free one",
      ).default(DEFAULT_LISTEN),
    );
  return addTargetOptions(command)
    .addHelpText(
      "after",
      `
Serves files with strong entity tags, ranges, types and index pages; nothing
outside <dir>, links included, and no name that begins with a dot. The release
is a digest of all paths and contents: change a file, and the new content is
live at once in every proxy.

On SIGTERM it leaves in order: no new requests, those in flight finished.

  zoogate serve ./site --service www --host www.example.com`,
    )
    .action(
      async (dir: string, flags: TargetFlags & { readonly listen: string }) => {
        const listen = parseAddress(flags.listen, "--listen");
        await withTarget(flags, (options) =>
          runServe({ ...options, dir, listen }),
        );
      },
    );
}
