import { fieldIdOf, type RequestHead } from "../http/index.ts";
import type { AuthDefinition } from "../registry/index.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { Verdict } from "./credentials.ts";

const AUTHORIZATION = fieldIdOf("authorization");

/** The `auth` of a definition, ready for requests. */
export class AuthRules {
  /** The list of users that is asked. */
  readonly list: string;
  readonly #challenge: OwnAnswer;
  readonly #forwards: boolean;
  readonly #userHeader: string | undefined;

  private constructor({ users, realm, forward, userHeader }: AuthDefinition) {
    this.list = users;
    this.#forwards = forward;
    this.#userHeader = userHeader;
    this.#challenge = {
      status: 401,
      lines: `WWW-Authenticate: Basic realm="${realm}", charset="UTF-8"\r\n`,
    };
  }

  static of(definition: AuthDefinition | undefined): AuthRules | undefined {
    return definition === undefined ? undefined : new AuthRules(definition);
  }

  answerTo(verdict: Exclude<Verdict, { readonly kind: "granted" }>): OwnAnswer {
    switch (verdict.kind) {
      case "denied":
        return this.#challenge;
      case "closed":
        return {
          status: 503,
          error: "proxy_configuration_error",
          details: "users-unknown",
        };
      case "busy":
        return {
          status: verdict.of === "client" ? 429 : 503,
          retryAfterS: 1,
        };
      default:
        return verdict satisfies never;
    }
  }

  /**
   * The request of one who was let in, as the store and targets see it. Without
   * credentials, unless they are forwarded: then an answer depends on nothing
   * that tells people apart, and is stored like any other. Where the target
   * learns who asks, the store sees a request with credentials and keeps only
   * what its target lets it (RFC 9111 section 3.5).
   */
  admitted(head: RequestHead, user: string): RequestHead {
    const name = this.#userHeader;
    if (this.#forwards && name === undefined) return head;
    const fields: string[] = [];
    const ids: number[] = [];
    for (const [index, id] of head.ids.entries()) {
      const other = head.fields[index * 2] ?? "";
      if (id === AUTHORIZATION && !this.#forwards) continue;
      if (name !== undefined && folded(other) === folded(name)) continue;
      fields.push(other, head.fields[index * 2 + 1] ?? "");
      ids.push(id);
    }
    if (name !== undefined) {
      fields.push(name, user);
      ids.push(0);
    }
    return {
      ...head,
      fields,
      ids,
      // The lines are no longer those of the text.
      text: "",
      starts: [],
      connectionOptions: head.connectionOptions.filter(
        (option) => name === undefined || folded(option) !== folded(name),
      ),
      authorization:
        this.#forwards || name !== undefined ? head.authorization : undefined,
    };
  }
}

function folded(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
