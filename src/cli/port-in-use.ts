import { createServer } from "node:net";
import {
  type Address,
  formatAddress,
  refuseSocketInUse,
} from "../base/index.ts";

/** An address that cannot be listened on; the message names it. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: "port-in-use" | "cannot-listen";

  constructor(address: Address, cause: unknown) {
    const code =
      cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why: Readonly<Record<string, string>> = {
      EADDRINUSE:
        address.socketPath === undefined
          ? "the port is in use"
          : "somebody listens there",
      EACCES: "permission denied",
      EEXIST: "there is a file that is no socket",
      EADDRNOTAVAIL: "it is not an address of this machine",
      ENOTFOUND: "there is no host of that name",
    };
    super(`Cannot listen on ${formatAddress(address)}: ${why[code] ?? code}`, {
      cause,
    });
    this.code = code === "EADDRINUSE" ? "port-in-use" : "cannot-listen";
  }
}

/**
 * Binds an address and lets go of it again, so that a mistake is told before
 * anything is waited for.
 * @throws ListenError
 */
export async function refusePortInUse(address: Address): Promise<void> {
  const server = createServer();
  if (address.socketPath !== undefined) {
    await refuseSocketInUse(address.socketPath).catch((error: unknown) => {
      throw new ListenError(address, error);
    });
    return;
  }
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ ...address, exclusive: true }, resolve);
    });
  } catch (error) {
    throw new ListenError(address, error);
  }
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
