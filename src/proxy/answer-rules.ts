import type { PathRules } from "./path-rules.ts";

/** What the rules for answers may look at of the request. */
export interface AnsweredRequest {
  /** Authority, lower case. */
  readonly host: string;
  readonly scheme: "http" | "https";
}

/**
 * What a service's rules make of the heads of answers, those from the store
 * included: Location as clients can use it.
 */
export class AnswerRules {
  readonly #paths: PathRules | undefined;

  private constructor(paths: PathRules | undefined) {
    this.#paths = paths;
  }

  /** Undefined where answers stay as they are. */
  static of(paths: PathRules | undefined): AnswerRules | undefined {
    return paths?.restoresLocations === true
      ? new AnswerRules(paths)
      : undefined;
  }

  /** Lines of a head, its first one included; the empty line may be missing. */
  applyTo(text: string, request: AnsweredRequest): string {
    let ruled = "";
    let from = text.indexOf("\r\n") + 2;
    let kept = 0;
    for (;;) {
      const end = text.indexOf("\r\n", from);
      if (end <= from) break; // the empty line, or the end
      const line = this.#line(text.slice(from, end), request);
      if (line !== undefined) {
        ruled += text.slice(kept, from) + line;
        kept = end;
      }
      from = end + 2;
    }
    return kept === 0 ? text : ruled + text.slice(kept);
  }

  /** What stands in place of a line; undefined: it stays. */
  #line(line: string, { host }: AnsweredRequest): string | undefined {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (name !== "location" && name !== "content-location") return undefined;
    const location = line.slice(colon + 1).trim();
    const known = this.#paths?.publicLocation(location, host) ?? location;
    return known === location ? undefined : `${line.slice(0, colon)}: ${known}`;
  }
}
