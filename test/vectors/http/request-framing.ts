import type { RequestVector } from "./vector.ts";

/** A request with these field lines after Host. */
function get(...lines: readonly string[]): string {
  return `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

/** A request without other fields. */
function line(requestLine: string): string {
  return `${requestLine}\r\nHost: a\r\n\r\n`;
}

/** Framing, connection and fields with one value (RFC 9112 section 6 and 9). */
export const REQUEST_FRAMING: readonly RequestVector[] = [
  // Framing
  {
    name: "9112 6.2: a length",
    bytes: get("Content-Length: 42"),
    expect: { framing: "length", length: 42 },
  },
  {
    name: "9112 6.2: a length of zero",
    bytes: get("content-LENGTH:0"),
    expect: { framing: "none" },
  },
  {
    name: "9112 6.3: no length, no content",
    bytes: line("POST / HTTP/1.1"),
    expect: { framing: "none" },
  },
  {
    name: "9112 6.3: a length twice",
    bytes: get("Content-Length: 5", "Content-Length: 6"),
    expect: "repeated-content-length",
  },
  {
    name: "9112 6.3: the same length twice",
    bytes: get("Content-Length: 5", "Content-Length: 5"),
    expect: "repeated-content-length",
  },
  {
    name: "9112 6.3: a list of equal lengths",
    bytes: get("Content-Length: 5, 5"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: a length with a sign",
    bytes: get("Content-Length: +5"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: a negative length",
    bytes: get("Content-Length: -1"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: an empty length",
    bytes: get("Content-Length:"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: a hexadecimal length",
    bytes: get("Content-Length: 0x5"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: a leading zero",
    bytes: get("Content-Length: 05"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: white space within a length",
    bytes: get("Content-Length: 1 2"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: a length with an exponent",
    bytes: get("Content-Length: 1e3"),
    expect: "bad-content-length",
  },
  {
    name: "9110 8.6: a length beyond any number",
    bytes: get(`Content-Length: ${"9".repeat(30)}`),
    expect: "length-too-large",
  },
  {
    name: "9112 7.1: chunked",
    bytes: get("Transfer-Encoding: chunked"),
    expect: { framing: "chunked" },
  },
  {
    name: "9112 7: a coding is not case-sensitive",
    bytes: get("transfer-encoding: ChunkeD"),
    expect: { framing: "chunked" },
  },
  {
    name: "9112 6.1: a length with chunked",
    bytes: get("Content-Length: 5", "Transfer-Encoding: chunked"),
    expect: "length-with-transfer-encoding",
  },
  {
    name: "9112 6.1: chunked with a length",
    bytes: get("Transfer-Encoding: chunked", "Content-Length: 5"),
    expect: "length-with-transfer-encoding",
  },
  {
    name: "9112 6.1: chunked in HTTP/1.0",
    bytes: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    expect: "transfer-encoding-in-http10",
  },
  {
    name: "9112 6.1: chunked twice",
    bytes: get("Transfer-Encoding: chunked, chunked"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 6.1: chunked in two fields",
    bytes: get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 6.3: chunked is not the final coding",
    bytes: get("Transfer-Encoding: chunked, gzip"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 6.3: chunked, then identity",
    bytes: get("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 6.3: not chunked at all",
    bytes: get("Transfer-Encoding: gzip"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 6.1: 501 for a coding before chunked",
    bytes: get("Transfer-Encoding: gzip, chunked"),
    expect: "unsupported-transfer-encoding",
  },
  {
    name: "9112 6.3: an empty coding",
    bytes: get("Transfer-Encoding:"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 6.3: an empty element",
    bytes: get("Transfer-Encoding: ,chunked"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 7: chunked with a parameter",
    bytes: get("Transfer-Encoding: chunked;q=1"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 7: a name that only ends in chunked",
    bytes: get("Transfer-Encoding: xchunked"),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 7: chunked in quotes",
    bytes: get('Transfer-Encoding: "chunked"'),
    expect: "bad-transfer-encoding",
  },
  {
    name: "9112 7: chunked and a no-break space",
    bytes: get("Transfer-Encoding: chunked\xa0"),
    expect: "bad-transfer-encoding",
  },

  // Connection
  {
    name: "9112 9.3: close",
    bytes: get("Connection: close"),
    expect: { keepAlive: false },
  },
  {
    name: "9112 9.3: close among others",
    bytes: get("Connection: foo, CLOSE"),
    expect: { keepAlive: false, connectionOptions: ["foo"] },
  },
  {
    name: "9112 9.3: close wins over keep-alive",
    bytes: get("Connection: keep-alive", "Connection: close"),
    expect: { keepAlive: false },
  },
  {
    name: "9112 9.3: HTTP/1.0 with keep-alive",
    bytes: "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    expect: { keepAlive: true },
  },
  {
    name: "9110 7.6.1: options in lower case, known ones left out",
    bytes: get("Connection: Keep-Alive, TE, X-Foo,,"),
    expect: { connectionOptions: ["x-foo"], keepAlive: true },
  },
  {
    name: "9110 7.6.1: an option that is no token",
    bytes: get("Connection: close;x"),
    expect: "bad-connection",
  },
  {
    name: "9110 7.6.1: close and a no-break space",
    bytes: get("Connection: close\xa0"),
    expect: "bad-connection",
  },
  {
    name: "9110 7.6.1: a field that every recipient needs",
    bytes: get("Connection: close, X-Forwarded-For"),
    expect: "forbidden-connection-option",
  },
  {
    name: "9110 7.6.1: Host named in Connection",
    bytes: get("Connection: Host"),
    expect: "forbidden-connection-option",
  },
  {
    name: "9110 7.6.1: Content-Length named in Connection",
    bytes: get("Content-Length: 3", "Connection: Content-Length"),
    expect: "forbidden-connection-option",
  },
  {
    name: "9110 7.8: an upgrade",
    bytes: get("Connection: Upgrade", "Upgrade: websocket"),
    expect: { upgrade: "websocket" },
  },
  {
    name: "9110 7.8: Upgrade without the connection option",
    bytes: get("Upgrade: websocket"),
    expect: { upgrade: undefined },
  },
  {
    name: "9110 7.8: several protocols",
    bytes: get("Connection: upgrade", "Upgrade: a/1.2,, websocket"),
    expect: { upgrade: "a/1.2, websocket" },
  },
  {
    name: "9113 3.1: h2c is not an upgrade any more",
    bytes: get("Connection: Upgrade, HTTP2-Settings", "Upgrade: H2C"),
    expect: { upgrade: undefined },
  },
  {
    name: "9113 3.1: nor beside another",
    bytes: get("Connection: Upgrade", "Upgrade: h2c, websocket"),
    expect: { upgrade: "websocket" },
  },
  {
    name: "9110 7.8: an upgrade with content is a request like any other",
    bytes: get(
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Content-Length: 3",
    ),
    expect: { upgrade: undefined, framing: "length" },
  },
  {
    name: "9110 7.8: not a protocol",
    bytes: get("Connection: Upgrade", "Upgrade: web socket"),
    expect: "bad-upgrade",
  },
  {
    name: "9110 7.8: Upgrade in HTTP/1.0 is ignored",
    bytes:
      "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    expect: { upgrade: undefined },
  },
  {
    name: "9110 10.1.1: 100-continue",
    bytes: get("Expect: 100-Continue", "Content-Length: 3"),
    expect: { expectContinue: true },
  },
  {
    name: "9110 10.1.1: another expectation",
    bytes: get("Expect: 200-ok"),
    expect: "expectation-failed",
  },
  {
    name: "9110 10.1.1: HTTP/1.0 does not know Expect",
    bytes: "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
    expect: { expectContinue: false },
  },

  // Fields that have one value, and lists
  {
    name: "9110 5.3: Authorization twice",
    bytes: get("Authorization: a", "Authorization: b"),
    expect: "repeated-field",
  },
  {
    name: "9110 5.3: Range twice",
    bytes: get("Range: bytes=0-", "Range: bytes=1-"),
    expect: "repeated-field",
  },
  {
    name: "9110 5.3: If-Range twice",
    bytes: get('If-Range: "a"', 'If-Range: "b"'),
    expect: "repeated-field",
  },
  {
    name: "9110 5.3: If-Modified-Since twice",
    bytes: get("If-Modified-Since: a", "If-Modified-Since: a"),
    expect: "repeated-field",
  },
  {
    name: "9110 5.3: If-Unmodified-Since twice",
    bytes: get("If-Unmodified-Since: a", "If-Unmodified-Since: a"),
    expect: "repeated-field",
  },
  {
    name: "9110 5.3: Content-Type twice",
    bytes: get("Content-Type: a/b", "Content-Type: a/c"),
    expect: "repeated-field",
  },
  {
    name: "9110 5.3: Max-Forwards twice",
    bytes: get("Max-Forwards: 1", "Max-Forwards: 1"),
    expect: "repeated-field",
  },
  {
    name: "9110 5.3: a list is one list",
    bytes: get('If-None-Match: "a"', 'If-None-Match: "b"'),
    expect: { ifNoneMatch: '"a", "b"' },
  },
  {
    name: "6265 5.4: cookies are joined by a semicolon",
    bytes: get("Cookie: a=1", "Cookie: b=2"),
    expect: { cookie: "a=1; b=2" },
  },
];
