/** The servers that the registry must work with alike. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKeeper } from "../../src/keeper/index.ts";
import { ZooKeeper, type ZooKeeperOptions } from "../../src/zookeeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";

/** A running coordinator that can be taken away and brought back with its data. */
export interface Coordinator extends AsyncDisposable {
  readonly connectString: string;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

export const coordinators: readonly {
  readonly name: string;
  readonly skip: string | false;
  readonly start: () => Promise<Coordinator>;
}[] = [
  { name: "the keeper", skip: false, start: startOwn },
  {
    name: "Apache ZooKeeper",
    skip: apacheZooKeeperMissing,
    start: () => startApacheZooKeeper({ tickTimeMs: 200 }),
  },
];

async function startOwn(): Promise<Coordinator> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-registry-"));
  const dataFile = join(folder, "keeper.db");
  const options = { dataFile, tickTimeMs: 200 };
  let keeper = await startKeeper(options);
  const { connectString, port } = keeper;
  return {
    connectString,
    stop: () => keeper.close(),
    async restart() {
      await keeper.close();
      keeper = await startKeeper({ ...options, port });
    },
    async [Symbol.asyncDispose]() {
      await keeper.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A client below a chroot of its own. */
export function client(
  coordinator: Coordinator,
  chroot: string,
  options: ZooKeeperOptions = {},
): ZooKeeper {
  return new ZooKeeper(`${coordinator.connectString}/${chroot}`, {
    sessionTimeoutMs: 2_000,
    ...options,
  });
}

/** Ends a client's session behind its back, as an expiry would. */
export async function expire(
  coordinator: Coordinator,
  victim: ZooKeeper,
): Promise<void> {
  const session = victim.sessionCredentials;
  if (session === undefined) throw new Error("Cannot expire: no session yet");
  const thief = new ZooKeeper(coordinator.connectString, { session });
  await thief.live();
  await thief.close();
}
