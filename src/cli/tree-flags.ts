import { Command, Option } from "commander";
import { silentJournal } from "../base/index.ts";
import { DEFAULT_ZOOKEEPER, readAuthFile } from "../config/index.ts";
import type { NotMoved } from "../keeper/index.ts";
import { ZooKeeper } from "../zookeeper/index.ts";
import { Lifetime } from "./lifetime.ts";

/** Which server a tree comes from or goes to; commander's names. */
export interface TreeFlags {
  readonly zookeeper: string;
  readonly zookeeperAuth?: string;
}

const TIMEOUT_MS = 10_000;

/** A command below `zoogate keeper` that speaks to one server. */
export function treeCommand(name: string, summary: string): Command {
  return new Command(name)
    .description(summary)
    .addOption(
      new Option(
        "--zookeeper <servers>",
        "any ZooKeeper as HOST:PORT[,…][/chroot]; with a chroot, only what is below it",
      )
        .env("ZOOGATE_ZOOKEEPER")
        .default(DEFAULT_ZOOKEEPER),
    )
    .addOption(
      new Option(
        "--zookeeper-auth <file>",
        "file with one line, user:password, which is presented",
      ).env("ZOOGATE_ZOOKEEPER_AUTH"),
    )
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError(`(see zoogate keeper ${name} --help)`)
    .exitOverride();
}

/**
 * Connects, or says within 10 s that nobody answers.
 * @throws ConfigError or ZooKeeperError when flags cannot be used
 */
export async function withTree(
  flags: TreeFlags,
  action: (zookeeper: ZooKeeper) => Promise<void>,
): Promise<void> {
  using lifetime = new Lifetime();
  const auth =
    flags.zookeeperAuth === undefined
      ? []
      : [await readAuthFile(flags.zookeeperAuth)];
  await using zookeeper = new ZooKeeper(flags.zookeeper, {
    auth,
    journal: silentJournal,
  });
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    await zookeeper.live({
      signal: AbortSignal.any([lifetime.signal, timeout]),
    });
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw new Error(
      `Cannot reach ZooKeeper at ${flags.zookeeper}: it did not answer within ${TIMEOUT_MS / 1_000} s`,
      { cause: error },
    );
  }
  const stopped = new Promise<never>((_resolve, reject) => {
    lifetime.signal.addEventListener("abort", () =>
      reject(lifetime.signal.reason),
    );
  });
  await Promise.race([action(zookeeper), stopped]);
}

/** Says on stderr what stayed behind, and why. */
export function printNotMoved({ path, because }: NotMoved): void {
  process.stderr.write(`not moved: ${path} (${because})\n`);
}
