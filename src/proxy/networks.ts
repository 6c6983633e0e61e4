import { BlockList, isIP } from "node:net";
import { UNIX } from "../base/index.ts";

/** A list of IP addresses and networks; `unix:` in it is whoever comes by a Unix socket. */
export class Networks {
  readonly isEmpty: boolean;
  readonly #list = new BlockList();
  readonly #hasUnix: boolean;

  /** @throws RangeError for what is neither address nor network */
  constructor(networks: readonly string[]) {
    this.isEmpty = networks.length === 0;
    this.#hasUnix = networks.includes(UNIX);
    for (const network of networks)
      if (network !== UNIX) addNetwork(this.#list, network);
  }

  has(address: string): boolean {
    if (address === UNIX) return this.#hasUnix;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, `ipv${family as 4 | 6}`); // isIP answers 0, 4 or 6
  }
}

function addNetwork(list: BlockList, network: string): void {
  const [address = "", prefix] = network.split("/");
  const family = isIP(address);
  if (family === 0)
    throw new RangeError(
      `Cannot trust ${JSON.stringify(network)}: it is an IP address or a network such as "10.0.0.0/8"`,
    );
  const type = family === 4 ? "ipv4" : "ipv6";
  if (prefix === undefined) list.addAddress(address, type);
  else list.addSubnet(address, Number(prefix), type);
}
