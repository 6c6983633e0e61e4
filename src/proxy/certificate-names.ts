import type { X509Certificate } from "node:crypto";

/**
 * The DNS names a certificate is for, in lower case. Only the subject
 * alternative names count: RFC 9525 section 2 leaves the common name out.
 */
export function certificateNames(certificate: X509Certificate): string[] {
  const names: string[] = [];
  for (const part of (certificate.subjectAltName ?? "").split(", ")) {
    // A name with a comma or quote in it is printed quoted: not a DNS name.
    if (part.startsWith("DNS:") && !part.startsWith('DNS:"'))
      names.push(part.slice(4).toLowerCase());
  }
  return names;
}

/**
 * Finds what belongs to a server name (RFC 6066 section 3): the very name first,
 * then `*.` in place of its first label (RFC 9525 section 6.3). Of two entries
 * for one name the earlier wins.
 */
export class NameTable<Value> {
  readonly #byName = new Map<string, Value>();

  add(names: readonly string[], value: Value): void {
    for (const name of names)
      if (!this.#byName.has(name)) this.#byName.set(name, value);
  }

  find(serverName: string): Value | undefined {
    const name = serverName.toLowerCase().replace(/\.$/, "");
    const exact = this.#byName.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return dot < 1 ? undefined : this.#byName.get(`*${name.slice(dot)}`);
  }
}
