import {
  connect as connectPlainly,
  isIP,
  type Socket,
  type SocketConstructorOpts,
} from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { UpstreamAddress } from "./upstream-address.ts";

/** Whether a target is asked by HTTPS. */
export function isSecure(address: UpstreamAddress): boolean {
  return address.url?.startsWith("https:") === true;
}

/**
 * A connection to a target inside TLS. Its certificate must be for the host, or
 * the address, in its url, and signed by an authority that Node trusts:
 * `NODE_EXTRA_CA_CERTS` names a file of more. `introduction` goes before the
 * handshake, in clear.
 */
export function connectSecurely(
  { host, port }: UpstreamAddress,
  introduction: Buffer | undefined,
): TLSSocket {
  const options: ConnectionOptions & SocketConstructorOpts = {
    ...(introduction === undefined
      ? { host, port }
      : { socket: beginPlainly({ host, port }, introduction) }),
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

function beginPlainly(
  address: { readonly host: string; readonly port: number },
  introduction: Buffer,
): Socket {
  // With several addresses tried in turn the handle that TLS takes would change.
  const socket = connectPlainly({
    ...address,
    autoSelectFamily: false,
    allowHalfOpen: true,
    noDelay: true,
  });
  socket.on("error", () => {}); // TLS above has the same
  socket.write(introduction);
  return socket;
}
