import { get as getPlain, type IncomingHttpHeaders } from "node:http";
import { get as getSecure } from "node:https";

/** What one request was answered with. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
}

const PATIENCE_MS = 20_000;

/** One request on a connection of its own; any certificate will do. */
export function ask(url: string): Promise<Answer> {
  const get = url.startsWith("https:") ? getSecure : getPlain;
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { agent: false, rejectUnauthorized: false, timeout: PATIENCE_MS },
      (response) => {
        let bytes = 0;
        response.on("data", (chunk: Buffer) => (bytes += chunk.length));
        response.on("error", reject);
        response.on("end", () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, bytes });
        });
      },
    );
    request.on("error", reject);
    request.on("timeout", () => {
      request.destroy(new Error(`Cannot get ${url}: nothing came`));
    });
  });
}
