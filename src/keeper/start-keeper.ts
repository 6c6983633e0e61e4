import { isIP } from "node:net";
import { type Clock, readOptions, systemClock } from "../base/index.ts";
import type { RestoredState } from "./database.ts";
import { KeeperError } from "./keeper-error.ts";
import { Keeper, type KeeperOptions } from "./keeper.ts";
import { keeperOptionTable } from "./options.ts";
import { SessionTable } from "./session-table.ts";
import { Tree } from "./tree.ts";
import type { Storage } from "./turn.ts";

/**
 * Starts a ZooKeeper server in this process. When it resolves, the keeper
 * answers on `connectString`.
 *
 *     await using keeper = await startKeeper();
 *     const zk = await connect(keeper.connectString);
 *
 * @throws KeeperError when the address or the file cannot be used
 * @throws RangeError for an option out of bounds
 */
export async function startKeeper(
  options: KeeperOptions = {},
): Promise<Keeper> {
  const {
    host = "127.0.0.1",
    port = 0,
    dataFile,
    users = [],
    tls,
    journal: _journal,
    clock = systemClock,
    ...rest
  } = options;
  const numbers = readOptions(keeperOptionTable, rest);
  const guarded = numbers.open || users.length > 0;
  refuseOpenAddress(host, guarded);
  // Who holds a certificate of the CA is known.
  refuseOpenAddress(tls?.host ?? host, guarded || tls?.ca !== undefined);
  const { nowMs, wallMs } = readClock(clock);
  const { storage, state } =
    dataFile === undefined
      ? { storage: undefined, state: emptyState(wallMs) }
      : await openFile(dataFile, { nowMs, wallMs });
  const secureServer =
    tls === undefined
      ? undefined
      : (await import("./tls-server.ts")).createTlsServer(tls);
  const keeper = new Keeper({
    numbers,
    state,
    storage,
    secureServer,
    options,
  });
  try {
    await keeper.listen(port);
  } catch (error) {
    await keeper.close();
    throw error;
  }
  return keeper;
}

/** SQLite is loaded only where it is used: it takes its share of the start-up. */
async function openFile(
  dataFile: string,
  now: { readonly wallMs: number; readonly nowMs: number },
): Promise<{ readonly storage: Storage; readonly state: RestoredState }> {
  const { SqliteStorage } = await import("./sqlite-storage.ts");
  return SqliteStorage.open(dataFile, now);
}

function readClock(clock: Clock): { nowMs: number; wallMs: number } {
  return { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
}

function emptyState(wallMs: number): RestoredState {
  return { tree: Tree.fresh(), sessions: new SessionTable(wallMs), zxid: 0 };
}

function refuseOpenAddress(host: string, meant: boolean): void {
  const loopback =
    host === "localhost" ||
    host === "::1" ||
    (isIP(host) === 4 && host.startsWith("127."));
  if (loopback || meant) return;
  throw new KeeperError(
    "open-address",
    `Cannot listen on ${host}: other machines reach it, and without users everybody could change everything; give users, or say that it may be open`,
  );
}
