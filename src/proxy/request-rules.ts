import { parseVary } from "../http/index.ts";
import type { ServiceDefinition } from "../registry/index.ts";
import { changeHead, HeaderRules, type Variables } from "./header-rules.ts";

/** Fields that the proxy writes for each client, whatever the client sent. */
const OURS: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-real-ip",
]);

/** What a service's header rules make of the heads that targets get. */
export class RequestRules {
  readonly #fields: HeaderRules | undefined;
  readonly #host: string | undefined;

  private constructor(
    fields: HeaderRules | undefined,
    host: string | undefined,
  ) {
    this.#fields = fields;
    this.#host = host;
  }

  /** Undefined where requests stay as they are. */
  static of({ headers }: ServiceDefinition): RequestRules | undefined {
    const { host, ...definition } = headers.request;
    const fields = HeaderRules.of(definition);
    return fields === undefined && host === undefined
      ? undefined
      : new RequestRules(fields, host);
  }

  /** A whole head. */
  applyTo(
    head: string,
    told: Variables & { readonly targetAuthority: string },
  ): string {
    const fields = this.#fields;
    const host = this.#host === "{target}" ? told.targetAuthority : this.#host;
    return changeHead(
      head,
      (name) => {
        if (host !== undefined && name.length === 4 && isHost(name))
          return `Host: ${host}\r\n`;
        return fields?.drops(name) === true ? "" : undefined;
      },
      fields?.lines(told) ?? "",
    );
  }

  /** Fields that differ from client to client without the client's sending them. */
  get unseen(): ReadonlySet<string> | undefined {
    return this.#fields?.unseen;
  }
}

function isHost(name: string): boolean {
  return name.toLowerCase() === "host";
}

/**
 * Whether an answer says that it depends on a field which the proxy has made up
 * for this client: nothing in another client's request tells whether it may
 * have it, so it must not be stored.
 */
export function variesUnseen(
  vary: string | undefined,
  rules: RequestRules | undefined,
): boolean {
  if (vary === undefined) return false;
  const read = parseVary(vary);
  return (
    read.kind !== "any" &&
    read.names.some((name) => OURS.has(name) || rules?.unseen?.has(name))
  );
}
