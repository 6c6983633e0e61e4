import { Command, Option } from "commander";
import { jsonValue } from "../../base/index.ts";
import { readRegistry } from "../../registry/index.ts";
import { ZooKeeperError } from "../../zookeeper/index.ts";
import { Lifetime } from "../lifetime.ts";
import { createLog, type LogFlags, logOptions } from "../log.ts";
import { formatStatus } from "../status-text.ts";
import {
  openZooKeeper,
  type ZooKeeperFlags,
  zooKeeperOptions,
} from "../zookeeper-flags.ts";

interface StatusFlags extends ZooKeeperFlags, LogFlags {
  readonly json: boolean;
}

const TIMEOUT_MS = 10_000;

/** `zoogate status` */
export function statusCommand(): Command {
  const command = new Command("status").addOption(
    new Option("--json", "print JSON").default(false),
  );
  for (const option of [...zooKeeperOptions(), ...logOptions()])
    command.addOption(option);
  return command
    .addHelpText(
      "after",
      `
Reads everything from ZooKeeper once: services with their hosts and current
release, targets with state, release and requests served, and live proxies.`,
    )
    .action(runStatus);
}

async function runStatus(flags: StatusFlags): Promise<void> {
  using lifetime = new Lifetime();
  const journal = await createLog({ ...flags, logLevel: "error" });
  await using zookeeper = await openZooKeeper(flags, { journal });
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = AbortSignal.any([lifetime.signal, timeout]);
  try {
    await zookeeper.live({ signal });
    const report = await readRegistry(zookeeper, { signal, journal });
    process.stdout.write(
      flags.json
        ? `${JSON.stringify(report, jsonValue, 2)}\n`
        : formatStatus(report, Date.now()),
    );
  } catch (error) {
    if (wantsCredentials(error))
      throw new Error(
        `Cannot read the status: ZooKeeper at ${flags.zookeeper} wants other credentials; give them with --zookeeper-auth`,
        { cause: error },
      );
    if (!timeout.aborted) throw error;
    throw new Error(
      `Cannot read the status: ZooKeeper at ${flags.zookeeper} did not answer within ${TIMEOUT_MS / 1000} s`,
      { cause: error },
    );
  }
}

function wantsCredentials(error: unknown): boolean {
  return (
    error instanceof ZooKeeperError &&
    (error.code === "no-auth" ||
      error.code === "session-closed-require-sasl-auth")
  );
}
