import {
  brotliDecompressSync,
  gunzipSync,
  zstdDecompressSync,
} from "node:zlib";
import type { Answer } from "./http-client.ts";

/** Content as it was before it was coded. */
export function decoded(
  body: Buffer,
  coding: string | readonly string[] | undefined,
): Buffer {
  switch (coding) {
    case "gzip":
      return gunzipSync(body);
    case "br":
      return brotliDecompressSync(body);
    case "zstd":
      return zstdDecompressSync(body);
    case undefined:
      return body;
    default:
      throw new Error(`Nobody asked for ${String(coding)}`);
  }
}

/** The text of an answer, whatever its coding. */
export function textOf({ body, headers }: Answer): string {
  return decoded(body, headers["content-encoding"]).toString();
}
