import { isIP, type SocketConstructorOpts } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { UpstreamAddress } from "./upstream-address.ts";

/** Whether a target is asked by HTTPS. */
export function isSecure(address: UpstreamAddress): boolean {
  return address.url?.startsWith("https:") === true;
}

/**
 * A connection to a target inside TLS. Its certificate must be for the host, or
 * the address, in its url, and signed by an authority that Node trusts:
 * `NODE_EXTRA_CA_CERTS` names a file of more.
 */
export function connectSecurely({ host, port }: UpstreamAddress): TLSSocket {
  const options: ConnectionOptions & SocketConstructorOpts = {
    host,
    port,
    // RFC 6066 section 3: a literal address is no server name.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    allowHalfOpen: true,
    rejectUnauthorized: true,
  };
  const socket = connect(options);
  socket.setNoDelay(true);
  return socket;
}
