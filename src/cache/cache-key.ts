import type { RequestHead } from "../http/index.ts";
import type { CacheContext } from "./types.ts";

/** Where a request belongs. */
export type KeySpace = Pick<CacheContext, "service" | "scheme" | "host">;

/*
 * A key is `service scheme://host/path?query`. No part before the path holds a
 * blank or a slash of its own, so that two requests with one key are for one
 * URI of one service.
 */

/** The part of a key before the target. */
export function keyPrefix({ service, scheme, host }: KeySpace): string {
  return `${service} ${scheme}://${host}`;
}

/** Path and query, whatever the form of the target. */
export function keyTarget(
  request: Pick<RequestHead, "form" | "path" | "query" | "target">,
): string {
  return request.form === "origin"
    ? request.target
    : request.path + request.query;
}

/** What a key was made from. */
export function splitKey(key: string): {
  readonly service: string;
  readonly scheme: string;
  readonly host: string;
  readonly target: string;
} {
  const blank = key.indexOf(" ");
  const colon = key.indexOf("://", blank);
  const slash = key.indexOf("/", colon + 3);
  const hostEnd = slash < 0 ? key.length : slash;
  return {
    service: key.slice(0, blank),
    scheme: key.slice(blank + 1, colon),
    host: key.slice(colon + 3, hostEnd),
    target: key.slice(hostEnd),
  };
}
