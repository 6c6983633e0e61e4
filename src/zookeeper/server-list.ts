import type { ServerAddress } from "./connect-string.ts";

/**
 * The order in which servers are tried: shuffled once, so that clients spread,
 * then round and round.
 */
export class ServerList {
  readonly #servers: readonly ServerAddress[];
  #next = 0;

  /** `random` answers numbers in [0, 1). */
  constructor(servers: readonly ServerAddress[], random: () => number) {
    const shuffled = [...servers];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      // Both lie within the list.
      const swapped = shuffled[last] as ServerAddress;
      shuffled[last] = shuffled[other] as ServerAddress;
      shuffled[other] = swapped;
    }
    this.#servers = shuffled;
  }

  get size(): number {
    return this.#servers.length;
  }

  /** Makes a server the next one. */
  prefer(server: ServerAddress): void {
    const at = this.#servers.indexOf(server);
    if (at !== -1) this.#next = at;
  }

  next(): ServerAddress {
    const server = this.#servers[this.#next % this.#servers.length];
    this.#next += 1;
    return server as ServerAddress; // the list is not empty
  }
}
