import { plainPath } from "../http/index.ts";
import type { Dispatch } from "./client.ts";

/** RFC 8555 section 8.3: the authority that checks a name asks by plain HTTP. */
const ACME_PATH = "/.well-known/acme-challenge/";
const HTTPS_PORT = 443;

/**
 * Sends everybody to the same URL by HTTPS, with 308 so that a method stays
 * what it is; ACME challenges go to the services.
 */
export function redirectToHttps(otherwise: Dispatch, port: number): Dispatch {
  const suffix = port === HTTPS_PORT ? "" : `:${port}`;
  return (client, head) => {
    const { hostname, path, query } = head;
    // Without a host (HTTP/1.0) or a path (CONNECT, `*`) there is nowhere to go.
    if (hostname === "" || !path.startsWith("/") || isChallenge(path))
      return otherwise(client, head);
    client.own({
      status: 308,
      lines: `Location: https://${hostname}${suffix}${path}${query}\r\n`,
    });
    return undefined;
  };
}

/** Dots could lead out of it again. */
function isChallenge(path: string): boolean {
  return path.startsWith(ACME_PATH) && plainPath(path) !== undefined;
}
