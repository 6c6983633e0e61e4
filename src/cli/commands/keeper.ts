import { Command, Option } from "commander";
import { join } from "node:path";
import { AdminServer } from "../../admin/index.ts";
import {
  DEFAULT_ZOOKEEPER,
  defaultDataFolder,
  formatAddress,
  parseAddress,
  stateFolder,
} from "../../config/index.ts";
import { keeperMetrics, openKeeper } from "../keeper-flags.ts";
import { Lifetime, printReady } from "../lifetime.ts";
import { createLog, type LogFlags, logOptions } from "../log.ts";

interface KeeperFlags extends LogFlags {
  readonly listen: string;
  readonly admin?: string;
  readonly data: string;
  readonly ephemeral: boolean;
  readonly open: boolean;
  readonly zookeeperAuth?: string;
}

/** `zoogate keeper` */
export function keeperCommand(): Command {
  const command = new Command("keeper")
    .addOption(
      new Option(
        "--listen <address>",
        "where clients connect; on an address that other machines reach it wants --zookeeper-auth or --open",
      ).default(DEFAULT_ZOOKEEPER),
    )
    .addOption(
      new Option(
        "--admin <address>",
        "where /healthz, /readyz and /metrics answer; off unless given",
      ),
    )
    .addOption(
      new Option("--data <dir>", "where its state is kept").default(
        defaultDataFolder(process.env),
      ),
    )
    .addOption(
      new Option(
        "--ephemeral",
        "keep all in memory, for tests: nothing survives its end",
      ).default(false),
    )
    .addOption(
      new Option(
        "--zookeeper-auth <file>",
        "file with one line, user:password, which clients must present",
      ).env("ZOOGATE_ZOOKEEPER_AUTH"),
    )
    .addOption(
      new Option(
        "--open",
        "let anyone who reaches the address read and change everything",
      ).default(false),
    );
  for (const option of logOptions()) command.addOption(option);
  return command
    .addHelpText(
      "after",
      `
A coordinator for one machine that speaks ZooKeeper's protocol: zkCli.sh, kazoo
and Curator work against it. Nothing is acknowledged before it is on disk.
For more than one machine, run an Apache ZooKeeper ensemble instead.`,
    )
    .action(runKeeper);
}

async function runKeeper(flags: KeeperFlags): Promise<void> {
  const listen = parseAddress(flags.listen, "--listen");
  const journal = await createLog(flags);
  using lifetime = new Lifetime();
  await using keeper = await openKeeper({
    listen,
    dataFile: flags.ephemeral
      ? undefined
      : join(
          stateFolder(flags.data, ["keeper", formatAddress(listen)]),
          "keeper.db",
        ),
    authFile: flags.zookeeperAuth,
    open: flags.open,
    journal,
  });
  await using _admin =
    flags.admin === undefined
      ? undefined
      : await AdminServer.open({
          ...parseAddress(flags.admin, "--admin"),
          orFreePort: false,
          sources: {
            readiness: () => ({ ready: true }),
            metrics: () => Promise.resolve(keeperMetrics(keeper.stats())),
            snapshot: () => keeper.stats(),
          },
          journal,
        });
  printReady(keeper.connectString);
  const end = await Promise.race([
    keeper.ended,
    lifetime.ended().then(() => undefined),
  ]);
  if (end?.kind === "failed") throw end.error;
}
