import type { Socket } from "node:net";
import type { ClientFacts } from "./forward-head.ts";
import { plainAddress } from "./plain-address.ts";
import type { Thread } from "./thread.ts";

/** What a connection says of its client; costs a system call, so ask once. */
export function clientFacts(socket: Socket, thread: Thread): ClientFacts {
  const address = plainAddress(socket.remoteAddress ?? "");
  const scheme = "encrypted" in socket ? "https" : "http";
  return { address, scheme, trusted: thread.trusts(address) };
}
