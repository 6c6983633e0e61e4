import { isToken } from "./characters.ts";
import { splitPlain } from "./fields.ts";
import { trimWhiteSpace } from "./white-space.ts";

/** Elements looked at; real clients send up to six. */
const MAX_ELEMENTS = 32;

/** RFC 9110 section 12.4.2: up to three decimals. */
const QVALUE = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/** Names that mean the same (RFC 9110 section 8.4.1.3). */
const ALIASES: Readonly<Record<string, string>> = {
  "x-gzip": "gzip",
  "x-compress": "compress",
};

/**
 * How much a client likes each content coding (RFC 9110 section 12.5.3), from 0,
 * not acceptable, to 1. What is written badly counts as not acceptable.
 */
export class AcceptedCodings {
  readonly #weights = new Map<string, number>();
  readonly #others: number;

  /** `value` is the joined field; undefined when it was not sent. */
  constructor(value: string | undefined) {
    // "If no Accept-Encoding header field is in the request, any content coding
    // is considered acceptable"; we take it for a client that knows none.
    const elements = splitPlain(value ?? "").slice(0, MAX_ELEMENTS);
    for (const element of elements) {
      const semicolon = element.indexOf(";");
      const name = semicolon < 0 ? element : element.slice(0, semicolon);
      const coding = trimWhiteSpace(name).toLowerCase();
      if (coding !== "*" && !isToken(coding)) continue;
      const weight = semicolon < 0 ? 1 : weightOf(element.slice(semicolon + 1));
      this.#add(ALIASES[coding] ?? coding, weight);
    }
    this.#others = this.#weights.get("*") ?? 0;
  }

  /** Named twice, the lower weight counts. */
  #add(coding: string, weight: number): void {
    const before = this.#weights.get(coding) ?? 1;
    this.#weights.set(coding, Math.min(before, weight));
  }

  /** Of a coding in lower case. */
  weight(coding: string): number {
    return this.#weights.get(coding) ?? this.#others;
  }

  /** Of no coding: acceptable unless it is excluded, and the last choice unless it is named. */
  get identity(): number {
    return this.#weights.get("identity") ?? 0;
  }

  /**
   * The coding of `offered` that the client likes best, the earlier one of two
   * that it likes equally; undefined when it likes none better than none.
   */
  choose<Coding extends string>(
    offered: readonly Coding[],
  ): Coding | undefined {
    let best: Coding | undefined;
    let bestWeight = 0;
    for (const coding of offered) {
      const weight = this.weight(coding);
      if (weight <= bestWeight) continue;
      best = coding;
      bestWeight = weight;
    }
    return this.identity > bestWeight ? undefined : best;
  }
}

function weightOf(parameter: string): number {
  const [name = "", value = "", ...more] = parameter.split("=");
  if (trimWhiteSpace(name).toLowerCase() !== "q" || more.length > 0) return 0;
  const text = trimWhiteSpace(value);
  return QVALUE.test(text) ? Number(text) : 0;
}
