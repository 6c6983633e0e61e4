import * as v from "valibot";
import { PathPattern, PathTemplate } from "../base/index.ts";
import { Host } from "./definition-text.ts";

/*
 * How the `paths` and `redirects` of a definition are written. The patterns are
 * compiled where requests are; here it is made sure that they can be.
 */

const MAX_RULES = 256;

const From = v.pipe(
  v.string(),
  v.check(
    (text) => PathPattern.parse(text).kind === "pattern",
    (issue) => `${issue.received} is no pattern: ${faultOf(issue.input)}`,
  ),
);

/** Checks a path's template against its pattern, and says where it is wrong. */
function refuseTemplate(
  from: string,
  to: string,
  path: string,
): string | undefined {
  const pattern = PathPattern.parse(from);
  if (pattern.kind === "reject") return undefined; // said already
  const template = PathTemplate.parse(path, pattern.pattern.captures);
  return template.kind === "pattern"
    ? undefined
    : `${JSON.stringify(to)} cannot be made of ${JSON.stringify(from)}: ${template.message}`;
}

function faultOf(text: string): string {
  const reading = PathPattern.parse(text);
  return reading.kind === "reject" ? reading.message : "";
}

const Rewrite = v.pipe(
  v.object({ from: From, to: v.string() }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { from, to } = dataset.value;
    const message = refuseTemplate(from, to, to);
    if (message !== undefined)
      addIssue({ message, path: [at(dataset.value, "to")] });
  }),
);

export const Paths = v.object({
  strip: v.optional(v.boolean(), false),
  rewrite: v.optional(
    v.pipe(v.array(Rewrite), v.maxLength(MAX_RULES)),
    () => [],
  ),
  add: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) =>
          text === "" ||
          (!text.endsWith("/") &&
            PathTemplate.parse(text, 0).kind === "pattern"),
        (issue) =>
          `${issue.received} is not a path that begins with "/" and does not end with it`,
      ),
    ),
    "",
  ),
  location: v.optional(v.boolean(), true),
});

/** Where a redirect goes: an origin or none, a path, perhaps a query. */
const REDIRECT_TO =
  /^(?:(?:https?|\{scheme\}):\/\/(?:\{host\}|(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?))?(?<path>\/[^?]*)(?<query>\?[!$-;=?-Z_a-z~]*)?$/;

const Redirect = v.pipe(
  v.object({
    scheme: v.optional(v.picklist(["http", "https"])),
    host: v.optional(Host),
    path: v.optional(From, "/*"),
    to: v.string(),
    status: v.optional(v.picklist([301, 302, 303, 307, 308]), 302),
    query: v.optional(v.boolean(), true),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { path, to } = dataset.value;
    const parts = REDIRECT_TO.exec(to)?.groups;
    const message =
      parts === undefined
        ? `${JSON.stringify(to)} is neither a path nor a URL by http or https with one`
        : refuseTemplate(path, to, parts["path"] ?? "");
    if (message !== undefined)
      addIssue({ message, path: [at(dataset.value, "to")] });
  }),
);

export const Redirects = v.pipe(v.array(Redirect), v.maxLength(MAX_RULES));

function at(
  input: Readonly<Record<string, unknown>>,
  key: string,
): v.ObjectPathItem {
  return { type: "object", origin: "value", input, key, value: input[key] };
}
