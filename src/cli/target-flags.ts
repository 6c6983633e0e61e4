import { type Command, InvalidArgumentError, Option } from "commander";
import { hostname } from "node:os";
import { type Address, formatAddress, type Journal } from "../base/index.ts";
import { defaultDataFolder } from "../config/index.ts";
import {
  type ReadyTarget,
  type RegistrationOptions,
  registryRegistrar,
} from "../target/index.ts";
import { Lifetime, printReady } from "./lifetime.ts";
import { createLog, type LogFlags, logOptions } from "./log.ts";
import { zooKeeperHosts } from "./zookeeper-hosts.ts";
import {
  openZooKeeper,
  registryAcl,
  type ZooKeeperFlags,
  zooKeeperOptions,
} from "./zookeeper-flags.ts";

/** The flags that every command has which registers a target; commander's names. */
export interface TargetFlags extends ZooKeeperFlags, LogFlags {
  readonly service: string;
  readonly host: readonly string[];
  readonly name?: string;
  readonly advertise?: string;
  readonly release?: string;
  readonly weight: number;
  readonly data: string;
}

/** Adds the flags of {@link TargetFlags}. */
export function addTargetOptions(command: Command): Command {
  command
    .addOption(
      new Option(
        "--service <name>",
        "the service this server belongs to",
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--host <name>",
        "a host name of the site, repeatable; fills the service's definition when it has none",
      )
        .argParser((value, previous: readonly string[]) => [...previous, value])
        .default([], "every host that no other service names"),
    )
    .addOption(
      new Option(
        "--name <target>",
        "this target's name within its service",
      ).default(undefined, `${hostname()}:PORT`),
    )
    .addOption(
      new Option(
        "--advertise <host[:port]>",
        "the address registered, where proxies reach this server, or unix:/PATH; needed when it listens on a wildcard or loopback address, or a Unix socket, and ZooKeeper is on another machine",
      ),
    )
    .addOption(
      new Option("--release <id>", "names the release of what is served"),
    )
    .addOption(
      new Option(
        "--weight <number>",
        "its share of the requests, relative to the others'",
      )
        .argParser(parseWeight)
        .default(1),
    )
    .addOption(
      new Option(
        "--data <dir>",
        "where this server's identity is kept",
      ).default(defaultDataFolder(process.env)),
    );
  for (const option of [...zooKeeperOptions(), ...logOptions()])
    command.addOption(option);
  return command;
}

function parseWeight(value: string): number {
  const weight = Number(value);
  if (weight > 0 && weight <= 1_000_000) return weight;
  throw new InvalidArgumentError("It should be a number above 0.");
}

/** What `runServe` and `runRegister` share, and the way to end it. */
export interface TargetRun {
  readonly options: RegistrationOptions;
  readonly journal: Journal;
}

/**
 * Runs `action` with an open client, a log and signals; ends when it has ended.
 * The first SIGINT or SIGTERM lets the target leave in order.
 */
export async function withTarget(
  flags: TargetFlags,
  action: (options: RegistrationOptions) => Promise<void>,
): Promise<void> {
  const journal = await createLog(flags);
  using lifetime = new Lifetime();
  await using zookeeper = await openZooKeeper(flags, { journal });
  await action({
    service: flags.service,
    hosts: flags.host,
    name: flags.name,
    advertise: flags.advertise,
    release: flags.release,
    weight: flags.weight,
    dataDir: flags.data,
    zookeeperHosts: zooKeeperHosts(flags.zookeeper),
    openRegistrar: registryRegistrar(zookeeper, {
      journal,
      ...registryAcl(flags),
    }),
    journal,
    signal: lifetime.signal,
    onReady: tellReady(),
  });
}

function addressText(address: Address): string {
  const text = formatAddress(address);
  return address.socketPath === undefined ? `http://${text}` : text;
}

/** One `ready` line, for the first registration; the log tells of the others. */
function tellReady(): (ready: ReadyTarget) => void {
  let told = false;
  return ({ service, name, address, release, files }) => {
    if (told) return;
    told = true;
    const what = [
      addressText(address),
      `as ${name} of ${service}`,
      ...(release === undefined ? [] : [`release ${release}`]),
      ...(files === undefined ? [] : [`${files} files`]),
    ];
    printReady(what.join(", "));
  };
}
