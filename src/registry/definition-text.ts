import * as v from "valibot";

/** A host name or address as it stands in a Host field, without port. */
export const Host = v.pipe(
  v.string(),
  v.toLowerCase(),
  v.regex(
    /^(?:[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]+\])$/,
    (issue) =>
      `${issue.received} is not a host name (write it without scheme, port and wildcard)`,
  ),
);

/** The prefix of a service, or the path of a check. */
export const Path = v.pipe(
  v.string(),
  v.regex(
    /^\/[\x21-\x7e]{0,1023}$/,
    (issue) => `${issue.received} is not a path that begins with "/"`,
  ),
);
