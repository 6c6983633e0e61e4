import { createServer } from "node:net";
import { type Address, formatAddress } from "../base/index.ts";

/** An address that cannot be listened on; the message names it. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: "port-in-use" | "cannot-listen";

  constructor(address: Address, cause: unknown) {
    const code =
      cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why: Readonly<Record<string, string>> = {
      EADDRINUSE: "the port is in use",
      EACCES: "permission denied",
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
