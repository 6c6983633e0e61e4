import { Networks } from "./networks.ts";

/** Verdicts remembered; all are forgotten when there are more. */
const MAX_REMEMBERED = 4096;

/** Addresses and networks (CIDR) that may come in, or may not. */
export interface NetworkRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/**
 * Who may come in. Whoever is denied may not, whatever else is said; where
 * somebody is allowed, nobody else may. So the order in which networks are
 * written does not matter, and a ban is never undone by a line elsewhere.
 */
export class NetworkGate {
  /** It lets everybody in. */
  readonly isOpen: boolean;
  readonly #allow: Networks;
  readonly #deny: Networks;
  readonly #verdicts = new Map<string, boolean>();

  /** @throws RangeError for what is neither address nor network */
  constructor({ allow, deny }: NetworkRules) {
    this.#allow = new Networks(allow);
    this.#deny = new Networks(deny);
    this.isOpen = this.#allow.isEmpty && this.#deny.isEmpty;
  }

  admits(address: string): boolean {
    if (this.isOpen) return true;
    const known = this.#verdicts.get(address);
    if (known !== undefined) return known;
    const verdict =
      !this.#deny.has(address) &&
      (this.#allow.isEmpty || this.#allow.has(address));
    if (this.#verdicts.size >= MAX_REMEMBERED) this.#verdicts.clear();
    this.#verdicts.set(address, verdict);
    return verdict;
  }
}
