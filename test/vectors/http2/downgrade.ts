/**
 * Requests that HTTP/2 can carry and HTTP/1.1 cannot, or that two parsers of
 * HTTP/1.1 would read differently. None may reach a target. `GOOD` is what a
 * case is made from: names and values as they go on the wire, without content.
 */
export interface DowngradeCase {
  /** What is wrong, with the rule it breaks. */
  readonly name: string;
  readonly fields: readonly string[];
  /** Undefined: the head ends the stream. */
  readonly content?: string;
  readonly trailers?: readonly string[];
  /**
   * nghttp2 leaves the one field out and passes the rest, where RFC 9113 section
   * 8.2.1 has the request refused: nothing of the field may reach a target.
   */
  readonly isDropped?: true;
}

const METHOD = [":method", "GET"];
const SCHEME = [":scheme", "https"];
const PATH = [":path", "/"];
const AUTHORITY = [":authority", "localhost"];
const GOOD = [...METHOD, ...SCHEME, ...PATH, ...AUTHORITY];
const POST = [":method", "POST", ...SCHEME, ...PATH, ...AUTHORITY];
/** A second request, hidden in something. */
const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";

function withField(name: string, value: string): readonly string[] {
  return [...GOOD, name, value];
}

function withPath(value: string): readonly string[] {
  return [...METHOD, ...SCHEME, ":path", value, ...AUTHORITY];
}

function withAuthority(value: string): readonly string[] {
  return [...METHOD, ...SCHEME, ...PATH, ":authority", value];
}

export const DOWNGRADES: readonly DowngradeCase[] = [
  // RFC 9113 section 8.2.2: no connection-specific fields (H2.TE).
  {
    name: "transfer-encoding: chunked",
    fields: [...POST, "transfer-encoding", "chunked"],
    content: `0\r\n\r\n${HIDDEN}`,
  },
  {
    name: "transfer-encoding: identity",
    fields: [...POST, "transfer-encoding", "identity"],
    content: "x",
  },
  { name: "connection", fields: withField("connection", "close") },
  {
    name: "connection names a field of ours",
    fields: withField("connection", "x-forwarded-for"),
  },
  { name: "keep-alive", fields: withField("keep-alive", "timeout=5") },
  {
    name: "proxy-connection",
    fields: withField("proxy-connection", "keep-alive"),
  },
  { name: "upgrade", fields: withField("upgrade", "h2c") },
  { name: "http2-settings", fields: withField("http2-settings", "AAMAAABk") },
  { name: "te: chunked", fields: withField("te", "chunked") },
  {
    name: "te: trailers, chunked",
    fields: withField("te", "trailers, chunked"),
  },

  // RFC 9113 section 8.1.1: a length that is not that of the content (H2.CL).
  {
    name: "content-length: 0 before content",
    fields: [...POST, "content-length", "0"],
    content: HIDDEN,
  },
  {
    name: "content-length shorter than the content",
    fields: [...POST, "content-length", "3"],
    content: `abc${HIDDEN}`,
  },
  {
    name: "content-length longer than the content",
    fields: [...POST, "content-length", "300"],
    content: "abc",
  },
  {
    name: "content-length on a head that ends the stream",
    fields: [...POST, "content-length", "44"],
  },
  {
    name: "two lengths",
    fields: [...POST, "content-length", "3", "content-length", "3"],
    content: "abc",
  },
  {
    name: "a list of lengths",
    fields: [...POST, "content-length", "3, 3"],
    content: "abc",
  },
  {
    name: "a signed length",
    fields: [...POST, "content-length", "+3"],
    content: "abc",
  },
  {
    name: "a length with an underscore",
    fields: [...POST, "content_length", "0"],
    content: "abc",
  },

  // RFC 9113 section 8.2.1: characters that end a name, a value or a line.
  {
    name: "CR LF in a value",
    isDropped: true,
    fields: withField("x", `y\r\nTransfer-Encoding: chunked`),
  },
  {
    name: "CR LF CR LF in a value",
    isDropped: true,
    fields: withField("x", `y\r\n\r\n${HIDDEN}`),
  },
  {
    name: "LF in a value",
    isDropped: true,
    fields: withField("x", "y\nhost: hidden"),
  },
  { name: "CR in a value", isDropped: true, fields: withField("x", "y\rz") },
  { name: "NUL in a value", isDropped: true, fields: withField("x", "y\0z") },
  {
    name: "CR LF in a cookie",
    isDropped: true,
    fields: withField("cookie", `a=b\r\nx: y`),
  },
  {
    name: "white space before a value",
    isDropped: true,
    fields: withField("x", " y"),
  },
  {
    name: "white space after a value",
    isDropped: true,
    fields: withField("x", "y\t"),
  },
  {
    name: "CR LF in a name",
    isDropped: true,
    fields: withField(`x: y\r\ntransfer-encoding`, "chunked"),
  },
  {
    name: "a colon in a name",
    isDropped: true,
    fields: withField("transfer-encoding:chunked", "x"),
  },
  { name: "a space in a name", isDropped: true, fields: withField("x y", "z") },
  {
    name: "a space after a name",
    isDropped: true,
    fields: withField("transfer-encoding ", "chunked"),
  },
  { name: "an empty name", isDropped: true, fields: withField("", "x") },
  { name: "capitals in a name", fields: withField("X-Name", "y") },
  {
    name: "capitals in transfer-encoding",
    fields: withField("Transfer-Encoding", "chunked"),
  },

  // RFC 9113 section 8.3 and 8.3.1: the pseudo-fields.
  {
    name: "a request line in :method",
    fields: [":method", `GET /hidden HTTP/1.1\r\nx: y`, ...GOOD.slice(2)],
  },
  {
    name: "a space in :method",
    fields: [":method", "GET /hidden", ...GOOD.slice(2)],
  },
  { name: "an empty :method", fields: [":method", "", ...GOOD.slice(2)] },
  {
    name: "a version and a second request in :path",
    fields: withPath(`/ HTTP/1.1\r\nHost: localhost\r\n\r\n${HIDDEN}`),
  },
  { name: "a space in :path", fields: withPath("/ HTTP/1.1") },
  { name: "a tab in :path", fields: withPath("/\tx") },
  { name: "a fragment in :path", fields: withPath("/x#y") },
  { name: "an empty :path", fields: withPath("") },
  { name: "a :path without a slash", fields: withPath("hidden") },
  { name: "an absolute :path", fields: withPath("http://hidden/x") },
  { name: "an authority in :path", fields: withPath("@hidden/x") },
  { name: "an asterisk with GET", fields: withPath("*") },
  {
    name: "CR LF in :authority",
    fields: withAuthority("localhost\r\nx: y"),
  },
  {
    name: "user information in :authority",
    fields: withAuthority("a@localhost"),
  },
  { name: "a path in :authority", fields: withAuthority("localhost/x") },
  { name: "a bad port in :authority", fields: withAuthority("localhost:x") },
  { name: "white space in :authority", fields: withAuthority("local host") },
  {
    name: "a URL in :scheme",
    fields: [...METHOD, ":scheme", "https://hidden/x?", ...PATH, ...AUTHORITY],
  },
  {
    name: "the scheme of another connection",
    fields: [...METHOD, ":scheme", "http", ...PATH, ...AUTHORITY],
  },
  { name: "no :method", fields: [...SCHEME, ...PATH, ...AUTHORITY] },
  { name: "no :scheme", fields: [...METHOD, ...PATH, ...AUTHORITY] },
  { name: "no :path", fields: [...METHOD, ...SCHEME, ...AUTHORITY] },
  { name: "no host at all", fields: [...METHOD, ...SCHEME, ...PATH] },
  { name: "two :path", fields: [...GOOD, ":path", "/hidden"] },
  { name: "two :authority", fields: [...GOOD, ":authority", "hidden"] },
  { name: "two :method", fields: [":method", "POST", ...GOOD] },
  { name: "a pseudo-field after a field", fields: ["x", "y", ...GOOD] },
  { name: "a pseudo-field of answers", fields: withField(":status", "200") },
  { name: "an unknown pseudo-field", fields: [":x", "y", ...GOOD] },
  {
    name: "host that is not :authority",
    fields: withField("host", "hidden"),
  },
  {
    name: "two host fields",
    fields: [
      ...METHOD,
      ...SCHEME,
      ...PATH,
      "host",
      "localhost",
      "host",
      "hidden",
    ],
  },
  {
    name: "CONNECT",
    fields: [":method", "CONNECT", ":authority", "localhost:80"],
  },
  {
    name: "extended CONNECT, which was not offered",
    fields: [":method", "CONNECT", ":protocol", "websocket", ...GOOD.slice(2)],
  },

  // RFC 9113 section 8.1: a trailer section has no pseudo-fields.
  {
    name: "a pseudo-field in trailers",
    fields: POST,
    content: "abc",
    trailers: [":path", "/hidden"],
  },
  {
    name: "CR LF in trailers",
    isDropped: true,
    fields: POST,
    content: "abc",
    trailers: ["x", `y\r\n\r\n${HIDDEN}`],
  },
  {
    name: "transfer-encoding in trailers",
    fields: POST,
    content: "abc",
    trailers: ["transfer-encoding", "chunked"],
  },
];
