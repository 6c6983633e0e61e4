import {
  connect as connectPlainly,
  isIP,
  type Socket,
  type SocketConstructorOpts,
} from "node:net";
import { X509Certificate } from "node:crypto";
import {
  connect,
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import type { UpstreamAddress } from "./upstream-address.ts";

/** Whether a target is asked by HTTPS. */
export function isSecure(address: UpstreamAddress): boolean {
  return address.url?.startsWith("https:") === true;
}

/** More in one file are refused. */
const MAX_AUTHORITIES = 1000;
const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu;

/**
 * The certificates in a PEM file.
 * @throws Error when there is none, or one that cannot be read
 */
export function readAuthorities(pem: string): readonly string[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error("it should hold a certificate (PEM)");
  if (found.length > MAX_AUTHORITIES)
    throw new Error(`it should hold at most ${MAX_AUTHORITIES} certificates`);
  return found.map((one) => new X509Certificate(one).toString());
}

/** Of this thread, whose targets all have the same. */
let authorities: SecureContext | undefined;

/** From here on only these are trusted; undefined: whom Node trusts. */
export function trustAuthorities(ca: readonly string[] | undefined): void {
  authorities =
    ca === undefined
      ? undefined
      : createSecureContext({ ca: [...ca], minVersion: "TLSv1.2" });
}

/**
 * A connection to a target inside TLS. Its certificate must be for the host, or
 * the address, in its url, and signed by an authority of {@link trustAuthorities},
 * or else one that Node trusts: `NODE_EXTRA_CA_CERTS` names a file of more.
 * `introduction` goes before the handshake, in clear.
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
    ...(authorities === undefined ? {} : { secureContext: authorities }),
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
