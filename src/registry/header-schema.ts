import * as v from "valibot";

/*
 * How the `headers` of a definition are written. A name or value that passes
 * here is a field by RFC 9110 section 5 and can be nothing else: the data plane
 * puts it into heads as it stands.
 */

const MAX_FIELDS = 64;
const MAX_VALUES = 16;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** RFC 9110 section 5.5, without obs-text: no two writers mean the same bytes by it. */
const VALUE = /^(?:[!-~](?:[\t -~]{0,4094}[!-~])?)?$/;
/** In values: what stands for something of the request. */
const VARIABLE = /\{[a-z]+\}/g;

/** Where messages end, who they are for, and what belongs to one connection. */
const NEVER: ReadonlySet<string> = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "zoogate-cache-control",
  "zoogate-release",
]);

/** What the store decides by, and the proxy asks for itself. */
const NEVER_IN_REQUESTS: ReadonlySet<string> = new Set([
  ...NEVER,
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
]);

/** What the proxy writes anew for each answer. */
const NEVER_IN_ANSWERS: ReadonlySet<string> = new Set([
  ...NEVER,
  "age",
  "cache-status",
  "date",
]);

/** What the store compares must not be made up. */
const NEVER_MADE_UP: ReadonlySet<string> = new Set([
  ...NEVER_IN_ANSWERS,
  "etag",
  "last-modified",
]);

function name(refused: ReadonlySet<string>) {
  return v.pipe(
    v.string(),
    v.regex(NAME, (issue) => `${issue.received} is not a field name`),
    v.check(
      // What writes `_` for `-` gets the field all the same in a CGI world.
      (text) => !refused.has(text.toLowerCase().replaceAll("_", "-")),
      (issue) =>
        `${issue.received} cannot be changed here${issue.received.toLowerCase() === '"host"' ? ': "headers.request.host" can' : ""}`,
    ),
  );
}

function value(variables: readonly string[]) {
  return v.pipe(
    v.string(),
    v.regex(
      VALUE,
      (issue) =>
        `${issue.received} is not a field value (ASCII without control characters and blanks around it, at most 4096)`,
    ),
    v.check(
      (text) =>
        [...text.matchAll(VARIABLE)].every(([one]) => variables.includes(one)),
      (issue) =>
        `${issue.received} has a variable that there is not here, known are ${variables.join(", ")}`,
    ),
  );
}

/** One map; each of its keys is checked as a name, with its own place in messages. */
function fields<Value extends v.GenericSchema<unknown, unknown>>(
  refused: ReadonlySet<string>,
  of: Value,
) {
  return v.optional(
    v.pipe(
      v.record(name(refused), of),
      v.check(
        (map) => Object.keys(map).length <= MAX_FIELDS,
        `it has more than ${MAX_FIELDS} fields`,
      ),
    ),
    () => ({}),
  );
}

function oneOrMore<Value extends v.GenericSchema<unknown, string>>(of: Value) {
  return v.union([of, v.pipe(v.array(of), v.maxLength(MAX_VALUES))]);
}

function names(refused: ReadonlySet<string>) {
  return v.optional(
    v.pipe(v.array(name(refused)), v.maxLength(MAX_FIELDS)),
    () => [],
  );
}

const IN_REQUESTS = value(["{host}", "{scheme}", "{client}"]);
const IN_ANSWERS = value(["{host}"]);

/** A Host: a name or address with an optional port, or the target's own. */
const HostField = v.pipe(
  v.string(),
  v.regex(
    /^(?:\{target\}|(?:[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?)$/,
    (issue) =>
      `${issue.received} is neither a host name in lower case, perhaps with a port, nor "{target}"`,
  ),
);

export const Headers = v.object({
  request: v.optional(
    v.object({
      host: v.optional(HostField),
      set: fields(NEVER_IN_REQUESTS, IN_REQUESTS),
      add: fields(NEVER_IN_REQUESTS, oneOrMore(IN_REQUESTS)),
      remove: names(NEVER_IN_REQUESTS),
    }),
    {},
  ),
  response: v.optional(
    v.object({
      set: fields(NEVER_MADE_UP, IN_ANSWERS),
      add: fields(NEVER_MADE_UP, oneOrMore(IN_ANSWERS)),
      remove: names(NEVER_IN_ANSWERS),
    }),
    {},
  ),
});
