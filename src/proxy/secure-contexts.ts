import { createSecureContext, type SecureContext } from "node:tls";
import { NameTable } from "./certificate-names.ts";
import type { CertificateMaterial, TlsMaterial } from "./worker-messages.ts";

/*
 * What every listener speaks, and it is the same for all: TLS 1.2 with
 * ephemeral keys and authenticated encryption, and TLS 1.3. That is the
 * intermediate profile of Mozilla's guide without its finite-field suites, and
 * leaves out every suite that RFC 9113 appendix A forbids for HTTP/2.
 */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const PROTOCOL = {
  minVersion: "TLSv1.2",
  ciphers: CIPHERS,
  // All are good: the client knows best what its hardware does fast.
  honorCipherOrder: false,
} as const;

/** What one certificate means for a handshake. */
export function secureOptions(
  certificate: CertificateMaterial,
  ticketKeys: Uint8Array,
) {
  return {
    ...PROTOCOL,
    cert: certificate.cert,
    key: certificate.key,
    ticketKeys: Buffer.from(ticketKeys),
  };
}

/** The certificates of one worker, by server name. */
export class SecureContexts {
  readonly #table = new NameTable<SecureContext>();
  /** For clients that name no server, or one that no certificate has. */
  readonly otherwise: ReturnType<typeof secureOptions>;

  /** @throws RangeError without a certificate */
  constructor(material: TlsMaterial) {
    const [first] = material.certificates;
    if (first === undefined)
      throw new RangeError("Cannot serve TLS: there is no certificate");
    this.otherwise = secureOptions(first, material.ticketKeys);
    for (const certificate of material.certificates)
      this.#table.add(
        certificate.names,
        createSecureContext(secureOptions(certificate, material.ticketKeys)),
      );
  }

  /** Undefined: the one for all others. */
  find(serverName: string): SecureContext | undefined {
    return this.#table.find(serverName);
  }
}
