import { Command, Option } from "commander";
import { join } from "node:path";
import { AdminServer } from "../../admin/index.ts";
import { formatAddress } from "../../base/index.ts";
import {
  DEFAULT_ZOOKEEPER,
  defaultDataFolder,
  parseAddress,
  stateFolder,
} from "../../config/index.ts";
import {
  keeperMetrics,
  type KeeperTlsFlags,
  openKeeper,
  readKeeperTls,
} from "../keeper-flags.ts";
import { keeperLimitOptions, readKeeperLimits } from "../keeper-limits.ts";
import { Lifetime, printReady } from "../lifetime.ts";
import { createLog, type LogFlags, logOptions } from "../log.ts";
import { keeperExportCommand } from "./keeper-export.ts";
import { keeperImportCommand } from "./keeper-import.ts";

interface KeeperFlags extends LogFlags, KeeperTlsFlags {
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
    )
    .addOption(
      new Option(
        "--tls-listen <address>",
        "where clients connect by TLS; off unless given",
      ),
    )
    .addOption(
      new Option("--tls-cert <file>", "its certificate and chain (PEM)"),
    )
    .addOption(new Option("--tls-key <file>", "the private key (PEM)"))
    .addOption(
      new Option(
        "--tls-ca <file>",
        "whose certificates clients must show (PEM); none unless given",
      ),
    );
  for (const option of [...keeperLimitOptions(), ...logOptions()])
    command.addOption(option);
  return (
    command
      .helpCommand(false)
      // What follows export or import is theirs.
      .enablePositionalOptions()
      .addCommand(keeperExportCommand())
      .addCommand(keeperImportCommand())
      .addHelpText(
        "after",
        `
A coordinator for one machine that speaks ZooKeeper's protocol: zkCli.sh, kazoo
and Curator work against it. Nothing is acknowledged before it is on disk.
For more than one machine, run an Apache ZooKeeper ensemble instead.`,
      )
      .action(runKeeper)
  );
}

async function runKeeper(flags: KeeperFlags): Promise<void> {
  const listen = parseAddress(flags.listen, "--listen");
  const journal = await createLog(flags);
  const tls = await readKeeperTls(flags);
  const numbers = readKeeperLimits({ ...flags }, process.env);
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
    numbers,
    tls,
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
  const secure =
    tls === undefined
      ? ""
      : `, tls ${formatAddress({ host: tls.host ?? keeper.host, port: keeper.tlsPort ?? 0 })}`;
  printReady(`${keeper.connectString}${secure}`);
  const end = await Promise.race([
    keeper.ended,
    lifetime.ended().then(() => undefined),
  ]);
  if (end?.kind === "failed") throw end.error;
}
