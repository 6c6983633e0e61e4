import { createRequire } from "node:module";
import type { Arrivals, Reading, StreamReading } from "./http-readings.ts";

/*
 * Node's own parser (llhttp), with no leniency, through the binding that
 * `node:http` uses. It is within reach only under --expose-internals.
 */

type Callback = (...facts: readonly unknown[]) => unknown;

interface ReferenceParser {
  initialize(
    type: number,
    resource: object,
    maxHeaderBytes: number,
    lenient: number,
  ): void;
  execute(bytes: Buffer): number | Error;
  finish(): number | Error | undefined;
  [callback: number]: Callback;
}

interface Binding {
  readonly HTTPParser: (new () => ReferenceParser) &
    Readonly<Record<string, number>>;
  readonly allMethods: readonly string[];
}

function loadBinding(): Binding {
  const internals: unknown = createRequire(import.meta.url)(
    "internal/test/binding",
  );
  // The shape is Node's own and has no types; a wrong guess fails every case.
  const { internalBinding } = internals as {
    readonly internalBinding: (name: string) => Binding;
  };
  return internalBinding("http_parser");
}

const { HTTPParser, allMethods } = loadBinding();

/** The only methods that the reference knows. */
export const REFERENCE_METHODS: ReadonlySet<string> = new Set(allMethods);

/** How the reference reads a stream. */
export function readReference(arrivals: Arrivals): StreamReading {
  const { bytes, direction, ends, requestMethod } = arrivals;
  const parser = new HTTPParser();
  const type =
    HTTPParser[direction === "request" ? "REQUEST" : "RESPONSE"] ?? 0;
  const messages: Reading[] = [];
  let pending: string[] = [];
  let url = "";
  let upgraded = false;
  let last: Reading | undefined;
  const on = (name: string, callback: Callback) => {
    parser[HTTPParser[name] ?? 0] = callback;
  };
  on("kOnMessageBegin", () => {
    pending = [];
    url = "";
    last = undefined;
  });
  // Called when there are many fields, and after trailers always: then the
  // binding has the target here and not below.
  on("kOnHeaders", (lines, part) => {
    pending.push(...stringsOf(lines));
    if (last === undefined) url += typeof part === "string" ? part : "";
  });
  on("kOnHeadersComplete", (...facts) => {
    const [, minor, lines, method, target, status, reason, upgrade] = facts;
    pending.push(...stringsOf(lines));
    last = {
      start:
        direction === "request"
          ? `${allMethods[Number(method)]} ${typeof target === "string" ? target : url} 1.${String(minor)}`
          : `1.${String(minor)} ${String(status)} ${String(reason)}`,
      fields: pending,
      body: "",
      trailers: [],
      complete: false,
    };
    pending = [];
    messages.push(last);
    upgraded = upgrade === true;
    if (upgraded) return 2;
    return direction === "response" && requestMethod === "HEAD" ? 1 : 0;
  });
  on("kOnBody", (data) => {
    // Node hands a Buffer over.
    if (last !== undefined) last.body += (data as Buffer).toString("latin1");
  });
  on("kOnMessageComplete", () => {
    if (last === undefined) return;
    last.trailers = pending;
    last.complete = true;
    pending = [];
  });
  on("kOnExecute", () => undefined);
  parser.initialize(type, {}, 0, 0);
  let from = 0;
  for (const end of ends) {
    const result = parser.execute(bytes.subarray(from, end));
    if (typeof result !== "number")
      return {
        messages,
        fault: "code" in result ? String(result.code) : result.message,
      };
    if (upgraded) return { messages, fault: "upgrade" };
    from = end;
  }
  return { messages, fault: undefined };
}

function stringsOf(lines: unknown): readonly string[] {
  return Array.isArray(lines) ? lines.map(String) : [];
}
