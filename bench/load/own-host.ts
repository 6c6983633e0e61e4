import { lookup } from "node:dns/promises";
import { BlockList } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether every address of a URL's host is this machine's own loopback. */
export async function isLoopback(url: URL): Promise<boolean> {
  const host = url.hostname.replace(/^\[(.*)\]$/u, "$1");
  const addresses = await lookup(host, { all: true });
  return (
    addresses.length > 0 &&
    addresses.every(({ address, family }) =>
      loopback.check(address, family === 6 ? "ipv6" : "ipv4"),
    )
  );
}
