import * as v from "valibot";

/** How the `auth` of a definition is written: names, never a secret. */
export const Auth = v.object({
  users: v.pipe(
    v.string(),
    v.regex(
      /^[A-Za-z0-9._-]{1,64}$/,
      (issue) =>
        `${issue.received} is not the name of a list of users (letters, digits and . _ -)`,
    ),
  ),
  realm: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^[ !#-[\]-~]{1,128}$/,
        (issue) =>
          `${issue.received} is not 1 to 128 ASCII characters without quotes`,
      ),
    ),
    "Restricted",
  ),
  forward: v.optional(v.boolean(), false),
  userHeader: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^X-[!#$%&'*+.^`|~0-9A-Za-z-]{1,126}$/i,
        (issue) =>
          `${issue.received} is not a field name that begins with "X-"`,
      ),
      v.check(
        (name) => !name.toLowerCase().startsWith("x-forwarded-"),
        "X-Forwarded- fields are the proxy's",
      ),
    ),
  ),
});
