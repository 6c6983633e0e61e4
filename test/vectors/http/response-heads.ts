import type { ResponseVector } from "./vector.ts";

function ok(...lines: readonly string[]): string {
  return status("HTTP/1.1 200 OK", ...lines);
}

function status(first: string, ...lines: readonly string[]): string {
  return `${first}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

const CHUNKED = "Transfer-Encoding: chunked";

/** Response heads (RFC 9110, RFC 9112), as an answer to GET unless it says otherwise. */
export const RESPONSE_HEADS: readonly ResponseVector[] = [
  // Status line
  {
    name: "9112 4: version SP status SP reason CRLF",
    bytes: ok("Content-Length: 3", "X: y "),
    expect: {
      status: 200,
      reason: "OK",
      minorVersion: 1,
      framing: "length",
      length: 3,
      keepAlive: true,
      fields: ["Content-Length", "3", "X", "y"],
    },
  },
  {
    name: "9112 4: a reason may be empty",
    bytes: status("HTTP/1.1 200 ", "Content-Length: 0"),
    expect: { reason: "", framing: "none", keepAlive: true },
  },
  {
    name: "9112 4: the space before an empty reason may be missing",
    bytes: status("HTTP/1.1 200", "Content-Length: 0"),
    expect: { status: 200, reason: "" },
  },
  {
    name: "9112 4: a reason may have any text",
    bytes: status("HTTP/1.1 404 Nicht gefunden \xfc\t!", "Content-Length: 0"),
    expect: { reason: "Nicht gefunden \xfc\t!" },
  },
  {
    name: "9112 4: NUL in the reason",
    bytes: status("HTTP/1.1 200 O\0K"),
    expect: "bad-status-line",
  },
  {
    name: "9112 2.2: a bare CR in the reason",
    bytes: status("HTTP/1.1 200 OK\rX: y"),
    expect: "bare-cr",
  },
  {
    name: "9112 2.2: a bare LF after the reason",
    bytes: "HTTP/1.1 200 OK\nX: y\r\n\r\n",
    expect: "bare-lf",
  },
  {
    name: "9112 4: two spaces before the status",
    bytes: status("HTTP/1.1  200 OK"),
    expect: "bad-status",
  },
  {
    name: "9112 4: a status has three digits",
    bytes: status("HTTP/1.1 20 OK"),
    expect: "bad-status",
  },
  {
    name: "9112 4: a status has no fourth digit",
    bytes: status("HTTP/1.1 2000 OK"),
    expect: "bad-status-line",
  },
  {
    name: "9110 15: a status below 100",
    bytes: status("HTTP/1.1 099 No"),
    expect: "bad-status",
  },
  {
    name: "9110 15: a status above 599",
    bytes: status("HTTP/1.1 600 No"),
    expect: "bad-status",
  },
  {
    name: "9112 2.3: another protocol",
    bytes: status("ICY 200 OK is not this"),
    expect: "bad-version",
  },
  {
    name: "9112 2.3: another version",
    bytes: status("HTTP/2.0 200 OK"),
    expect: "version-not-supported",
  },
  {
    name: "9112 4: white space before the version",
    bytes: status(" HTTP/1.1 200 OK"),
    expect: "bad-version",
  },
  {
    name: "9112 2.2: an empty line before the status line",
    bytes: `\r\n${ok()}`,
    expect: "bad-version",
  },

  // Field lines
  {
    name: "9112 5.1: a space before the colon",
    bytes: ok("Content-Length : 3"),
    expect: "space-before-colon",
  },
  { name: "9112 5.2: obs-fold", bytes: ok("X: a", " b"), expect: "obs-fold" },
  {
    name: "9110 5.5: NUL in a value",
    bytes: ok("X: \0"),
    expect: "bad-field-value",
  },
  {
    name: "9110 5.1: NUL in a name",
    bytes: ok("X\0: a"),
    expect: "bad-field-name",
  },
  {
    name: "9112 2.2: a bare CR in a value",
    bytes: ok("X: a\rSet-Cookie: b"),
    expect: "bare-cr",
  },
  {
    name: "9110 5.3: a single value twice is the first one's",
    bytes: ok("Content-Length: 0", "ETag: a", "ETag: b"),
    expect: { fields: ["Content-Length", "0", "ETag", "a", "ETag", "b"] },
  },

  // Framing, in the order of section 6.3
  {
    name: "9112 6.3 rule 1: an answer to HEAD has no content",
    bytes: ok("Content-Length: 42"),
    requestMethod: "HEAD",
    expect: { framing: "none", contentLength: 42, keepAlive: true },
  },
  {
    name: "9112 6.3 rule 1: nor when it says chunked",
    bytes: ok(CHUNKED),
    requestMethod: "HEAD",
    expect: { framing: "none", keepAlive: true },
  },
  {
    name: "9112 6.3 rule 1: nor without any length",
    bytes: ok(),
    requestMethod: "HEAD",
    expect: { framing: "none", keepAlive: true },
  },
  {
    name: "9112 6.3 rule 1: 304 has no content",
    bytes: status("HTTP/1.1 304 Not Modified", "Content-Length: 42"),
    expect: { framing: "none", contentLength: 42, keepAlive: true },
  },
  {
    name: "9112 6.3 rule 1: 304 may say chunked",
    bytes: status("HTTP/1.1 304 Not Modified", CHUNKED),
    expect: { framing: "none", keepAlive: true },
  },
  {
    name: "9112 6.3 rule 1: 204 has no content",
    bytes: status("HTTP/1.1 204 No Content"),
    expect: { framing: "none", keepAlive: true },
  },
  {
    name: "9110 8.6: 204 with a length of zero",
    bytes: status("HTTP/1.1 204 No Content", "Content-Length: 0"),
    expect: { framing: "none", keepAlive: true },
  },
  {
    name: "9110 8.6: 204 with a length ends the connection",
    bytes: status("HTTP/1.1 204 No Content", "Content-Length: 3"),
    expect: { framing: "none", keepAlive: false },
  },
  {
    name: "9112 6.1: 204 with chunked ends the connection",
    bytes: status("HTTP/1.1 204 No Content", CHUNKED),
    expect: { framing: "none", keepAlive: false },
  },
  {
    name: "9112 6.3 rule 1: 100 has no content",
    bytes: status("HTTP/1.1 100 Continue"),
    expect: { status: 100, framing: "none", keepAlive: true },
  },
  {
    name: "9110 15.2: 103 with fields",
    bytes: status("HTTP/1.1 103 Early Hints", "Link: </a>"),
    expect: { status: 103, framing: "none" },
  },
  {
    name: "9110 8.6: an interim answer with a length",
    bytes: status("HTTP/1.1 100 Continue", "Content-Length: 3"),
    expect: "content-not-allowed",
  },
  {
    name: "9112 6.1: an interim answer with chunked",
    bytes: status("HTTP/1.1 103 Early Hints", CHUNKED),
    expect: "content-not-allowed",
  },
  {
    name: "9110 15.2.2: 101 without Upgrade",
    bytes: status("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade"),
    expect: "bad-upgrade",
  },
  {
    name: "9110 15.2.2: 101 without its connection option",
    bytes: status("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"),
    expect: "bad-upgrade",
  },
  {
    name: "9110 7.8: 101 in HTTP/1.0",
    bytes: status("HTTP/1.0 101 No", "Connection: Upgrade", "Upgrade: x"),
    expect: "bad-upgrade",
  },
  {
    name: "9110 15.2.2: 101 switches",
    bytes: status(
      "HTTP/1.1 101 Switching Protocols",
      "Connection: Upgrade",
      "Upgrade: websocket",
    ),
    expect: { framing: "none", upgrade: "websocket" },
  },
  {
    name: "9110 7.8: Upgrade in another answer is an advertisement",
    bytes: ok("Connection: Upgrade", "Upgrade: h2c", "Content-Length: 0"),
    expect: { upgrade: undefined },
  },
  {
    name: "9112 6.3 rule 3: a length with chunked",
    bytes: ok("Content-Length: 3", CHUNKED),
    expect: "length-with-transfer-encoding",
  },
  {
    name: "9112 6.3 rule 3: also in an answer to HEAD",
    bytes: ok("Content-Length: 3", CHUNKED),
    requestMethod: "HEAD",
    expect: "length-with-transfer-encoding",
  },
  {
    name: "9112 6.3 rule 4: chunked",
    bytes: ok(CHUNKED),
    expect: { framing: "chunked", keepAlive: true },
  },
  {
    name: "9112 6.3 rule 4: not chunked at last",
    bytes: ok("Transfer-Encoding: chunked, gzip"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 6.1: a coding that nobody asked for",
    bytes: ok("Transfer-Encoding: gzip, chunked"),
    expect: "unsupported-transfer-encoding",
  },
  {
    name: "9112 6.1: chunked in HTTP/1.0",
    bytes: status("HTTP/1.0 200 OK", CHUNKED),
    expect: "transfer-encoding-in-http10",
  },
  {
    name: "9112 6.3 rule 5: two lengths",
    bytes: ok("Content-Length: 3", "Content-Length: 4"),
    expect: "repeated-content-length",
  },
  {
    name: "9112 6.3 rule 5: a length that is none",
    bytes: ok("Content-Length: 3x"),
    expect: "bad-content-length",
  },
  {
    name: "9112 6.3 rule 5: a bad length in an answer to HEAD",
    bytes: ok("Content-Length: -3"),
    requestMethod: "HEAD",
    expect: "bad-content-length",
  },
  {
    name: "9112 6.3 rule 8: up to the end of the connection",
    bytes: ok("X: y"),
    expect: { framing: "until-close", keepAlive: false, contentLength: -1 },
  },
  {
    name: "9112 6.3 rule 8: keep-alive cannot hold then",
    bytes: ok("Connection: keep-alive"),
    expect: { framing: "until-close", keepAlive: false },
  },
  {
    name: "9110 15.3.6: 205 is delimited like any other",
    bytes: status("HTTP/1.1 205 Reset Content", "Content-Length: 0"),
    expect: { framing: "none", keepAlive: true },
  },

  // Connection
  {
    name: "9112 9.3: HTTP/1.0 does not keep the connection",
    bytes: status("HTTP/1.0 200 OK", "Content-Length: 3"),
    expect: { minorVersion: 0, keepAlive: false },
  },
  {
    name: "9112 9.3: HTTP/1.0 with keep-alive does",
    bytes: status(
      "HTTP/1.0 200 OK",
      "Content-Length: 3",
      "Connection: keep-alive",
    ),
    expect: { keepAlive: true },
  },
  {
    name: "9112 9.3: close",
    bytes: ok("Content-Length: 3", "Connection: Close"),
    expect: { keepAlive: false },
  },
  {
    name: "9110 7.6.1: options of its own",
    bytes: ok("Content-Length: 3", "Connection: X-Hop, Transfer-Encoding"),
    expect: { connectionOptions: ["x-hop"], keepAlive: true },
  },
  {
    name: "9110 7.6.1: a field that every recipient needs is not an option",
    bytes: ok("Content-Length: 3", "Connection: Content-Length, Set-Cookie"),
    expect: { connectionOptions: [] },
  },
];
