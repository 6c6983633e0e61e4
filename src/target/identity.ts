/**
 * Who a registration is: `server` is the same after a restart, `life` is one
 * process. By them a restarted server takes its own node over from its dead
 * former life, and never that of another server.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  type Address,
  formatAddress,
  type Journal,
  readTextIfPresent,
  writeFileAtomic,
} from "../base/index.ts";
import { addressUrl } from "./advertise.ts";
import { TargetError } from "./target-error.ts";

const ID = /^[0-9a-f]{32}$/u;

export interface Identity {
  readonly server: string;
  readonly life: string;
}

/**
 * The identity of the server on `listen`: a random id kept in the data
 * directory, or the registered URL where there is none or it cannot be written.
 */
export async function readIdentity(given: {
  readonly dataDir: string | undefined;
  /** As asked for: port 0 stays 0, since the real one changes with each start. */
  readonly listen: Address;
  /** As asked for, if it was: two servers with port 0 differ by it. */
  readonly name?: string | undefined;
  readonly advertised: Address;
  readonly journal: Journal;
}): Promise<Identity> {
  const life = randomId();
  const url = addressUrl(given.advertised);
  if (given.dataDir === undefined) return { server: url, life };
  // The host name keeps a home directory that several machines share apart.
  const key = `${hostname()} ${formatAddress(given.listen)} ${given.name ?? ""}`;
  const path = join(
    given.dataDir,
    "servers",
    `${key.trim().replaceAll(/[^A-Za-z0-9.-]+/gu, "_")}.id`,
  );
  try {
    const kept = (await readTextIfPresent(path))?.trim();
    if (kept !== undefined && ID.test(kept)) return { server: kept, life };
    const server = randomId();
    await writeFileAtomic(path, `${server}\n`);
    return { server, life };
  } catch (error) {
    given.journal({
      level: "warn",
      room: "target",
      event: "identity-not-kept",
      message: `Cannot keep this server's id in ${given.dataDir}; its address stands for it`,
      error,
    });
    return { server: url, life };
  }
}

/** `<hostname>:<port>`, `<hostname>:<path>` of a Unix socket, or the operator's own word. */
export function targetName(
  given: string | undefined,
  { port, socketPath }: Address,
): string {
  const name = given ?? `${plainHostName()}:${socketPath ?? port}`;
  const bytes = Buffer.byteLength(name);
  if (bytes > 0 && bytes <= 128) return name;
  throw new TargetError(
    "bad-name",
    `Cannot register a target with a name of ${bytes} bytes: it is 1 to 128 long`,
  );
}

function plainHostName(): string {
  const plain = hostname().replaceAll(/[^A-Za-z0-9._+-]+/gu, "-");
  return plain === "" ? "localhost" : plain.slice(0, 120);
}

function randomId(): string {
  return randomBytes(16).toString("hex");
}
