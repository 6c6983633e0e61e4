/** Nanoseconds per head and per body, on one thread, after warming up. */
import { cpus } from "node:os";
import {
  ChunkedReader,
  chunkHeader,
  DEFAULT_HEAD_LIMITS,
  LAST_CHUNK,
  parseCacheControl,
  parseRequestHead,
  parseResponseHead,
  serializeResponseHead,
} from "../../src/http/index.ts";

function head(...lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

const browser = head(
  "GET /assets/app.css?v=12 HTTP/1.1",
  "Host: www.example.com",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
  "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: en-US,en;q=0.9",
  "Connection: keep-alive",
  "Cache-Control: no-cache",
  "Cookie: session=abcdef0123456789",
);
const load = head(
  "GET /index.html HTTP/1.1",
  "Host: 127.0.0.1:8080",
  "User-Agent: h2load nghttp2/1.52.0",
);
const answer = head(
  "HTTP/1.1 200 OK",
  "Date: Sun, 06 Nov 1994 08:49:37 GMT",
  "Content-Type: text/html; charset=utf-8",
  "Content-Length: 4096",
  "Cache-Control: public, max-age=120",
  'ETag: "0123456789abcdef"',
  "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
  "Connection: keep-alive",
);
const answerFields = [
  "Content-Type",
  "text/html",
  "Content-Length",
  "4096",
  "ETag",
  '"0123456789abcdef"',
];
const chunk = `${chunkHeader(4096)}${"x".repeat(4096)}\r\n`;
const chunked = Buffer.from(chunk.repeat(15) + LAST_CHUNK, "latin1");

function measure(name: string, bytes: number, call: () => number): void {
  const runs = 300_000;
  let best = Infinity;
  let sum = 0;
  for (let round = 0; round < 5; round++) {
    const startedNs = process.hrtime.bigint();
    for (let i = 0; i < runs; i++) sum += call();
    const elapsed = Number(process.hrtime.bigint() - startedNs);
    best = Math.min(best, elapsed / runs);
  }
  if (sum === 0) throw new Error("Cannot measure: nothing was done");
  console.log(
    `${name.padEnd(36)} ${best.toFixed(0).padStart(6)} ns  ${String(bytes).padStart(6)} bytes`,
  );
}

console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, Node ${process.version}; best of 5 rounds`,
);
const limits = DEFAULT_HEAD_LIMITS;
measure("parseRequestHead(), a browser's", browser.length, () =>
  sizeOf(parseRequestHead(browser, 0, browser.length, limits)),
);
measure("parseRequestHead(), h2load's", load.length, () =>
  sizeOf(parseRequestHead(load, 0, load.length, limits)),
);
measure("parseResponseHead()", answer.length, () =>
  sizeOf(parseResponseHead(answer, 0, answer.length, limits, "GET")),
);
measure("serializeResponseHead()", 80, () =>
  Buffer.byteLength(serializeResponseHead(200, answerFields), "latin1"),
);
measure("parseCacheControl()", 19, () =>
  Number(parseCacheControl("public, max-age=120").maxAgeS),
);
measure("ChunkedReader.read(), 15 chunks", chunked.length, () => {
  const reader = new ChunkedReader();
  let at = 0;
  while (reader.read(chunked, at, chunked.length) === "data")
    at = reader.position;
  return reader.dataBytes;
});
measure("ChunkedReader.follow(), 15 chunks", chunked.length, () => {
  const reader = new ChunkedReader();
  reader.follow(chunked, 0, chunked.length);
  return reader.dataBytes;
});

function sizeOf(result: { readonly kind: string; readonly size?: number }) {
  return result.size ?? 0;
}
