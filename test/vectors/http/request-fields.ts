import type { RequestVector } from "./vector.ts";

/** A request with these field lines after Host. */
function get(...lines: readonly string[]): string {
  return `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

function host(value: string): string {
  return `GET / HTTP/1.1\r\nHost:${value}\r\n\r\n`;
}

/** Field lines and Host of requests (RFC 9110 section 5 and 7.2, RFC 9112 section 5). */
export const REQUEST_FIELDS: readonly RequestVector[] = [
  // Field lines
  {
    name: "9112 5: white space around a value is not part of it",
    bytes: get("X: \t b \t "),
    expect: { fields: ["Host", "a", "X", "b"] },
  },
  {
    name: "9112 5: a value may be empty",
    bytes: get("X:", "Y: "),
    expect: { fields: ["Host", "a", "X", "", "Y", ""] },
  },
  {
    name: "9112 5: a name keeps its case",
    bytes: get("x-CaSe: b"),
    expect: { fields: ["Host", "a", "x-CaSe", "b"] },
  },
  {
    name: "9110 5.5: bytes above 0x7f are opaque",
    bytes: get("X: \x80\xff"),
    expect: { fields: ["Host", "a", "X", "\x80\xff"] },
  },
  {
    name: "9110 5.5: no-break space is not white space",
    bytes: get("X: \xa0b\xa0"),
    expect: { fields: ["Host", "a", "X", "\xa0b\xa0"] },
  },
  {
    name: "9112 5.1: a space before the colon",
    bytes: get("Content-Length : 3"),
    expect: "space-before-colon",
  },
  {
    name: "9112 5.1: a tab before the colon",
    bytes: get("X\t: 3"),
    expect: "space-before-colon",
  },
  {
    name: "9112 5.2: obs-fold with a space",
    bytes: get("X: a", " b"),
    expect: "obs-fold",
  },
  {
    name: "9112 5.2: obs-fold with a tab",
    bytes: get("X: a", "\tb"),
    expect: "obs-fold",
  },
  {
    name: "9112 5.2: obs-fold before the end",
    bytes: get("X: a", " "),
    expect: "obs-fold",
  },
  {
    name: "9110 5.1: an empty name",
    bytes: get(": b"),
    expect: "bad-field-name",
  },
  {
    name: "9112 5: a line without a colon",
    bytes: get("X"),
    expect: "bad-field-name",
  },
  {
    name: "9110 5.1: NUL in a name",
    bytes: get("X\0: b"),
    expect: "bad-field-name",
  },
  {
    name: "9110 5.1: a byte above 0x7e in a name",
    bytes: get("Transfer-Encodin\xe7: chunked"),
    expect: "bad-field-name",
  },
  {
    name: "9110 5.1: a quote in a name",
    bytes: get('X": b'),
    expect: "bad-field-name",
  },
  {
    name: "9110 5.1: an underscore that a gateway interface reads as a hyphen",
    bytes: get("Content_Length: 5"),
    expect: "confusable-field-name",
  },
  {
    name: "9110 5.1: the same in a mixed name",
    bytes: get("X_Forwarded-For: b"),
    expect: "confusable-field-name",
  },
  {
    name: "9110 5.1: any other underscore is a token character",
    bytes: get("api_key: b"),
    expect: { fields: ["Host", "a", "api_key", "b"] },
  },
  {
    name: "9110 5.5: NUL in a value",
    bytes: get("X: a\0b"),
    expect: "bad-field-value",
  },
  {
    name: "9110 5.5: DEL in a value",
    bytes: get("X: a\x7f"),
    expect: "bad-field-value",
  },
  {
    name: "9110 5.5: vertical tab before a value",
    bytes: get("Transfer-Encoding:\x0bchunked"),
    expect: "bad-field-value",
  },
  {
    name: "9112 2.2: a bare CR in a value",
    bytes: get("X: a\rY: b"),
    expect: "bare-cr",
  },
  {
    name: "9112 2.2: a bare LF in a value",
    bytes: get("X: a\nY: b"),
    expect: "bare-lf",
  },
  { name: "9112 2.2: CR CR LF", bytes: get("X: a\r"), expect: "bare-cr" },
  {
    name: "9112 2.2: a bare CR at the start of a line",
    bytes: get("\rX: a"),
    expect: "bare-cr",
  },
  {
    name: "9112 2.2: a bare LF at the start of a line",
    bytes: get("\nX: a"),
    expect: "bare-lf",
  },

  // Host
  {
    name: "9112 3.2: HTTP/1.1 without Host",
    bytes: "GET / HTTP/1.1\r\n\r\n",
    expect: "missing-host",
  },
  {
    name: "9112 3.2: Host twice",
    bytes: get("Host: b"),
    expect: "repeated-host",
  },
  {
    name: "9112 3.2: the same Host twice",
    bytes: get("host: a"),
    expect: "repeated-host",
  },
  {
    name: "9112 3.2: Host twice in HTTP/1.0",
    bytes: "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    expect: "repeated-host",
  },
  {
    name: "9110 4.2.3: a host is not case-sensitive",
    bytes: host(" WWW.Example.COM"),
    expect: { host: "www.example.com" },
  },
  {
    name: "9110 4.2.3: the default port goes without saying",
    bytes: host(" a:80"),
    expect: { host: "a", hostname: "a" },
  },
  {
    name: "9110 7.2: another port",
    bytes: host(" a:8080"),
    expect: { host: "a:8080", hostname: "a" },
  },
  {
    name: "3986 3.2.3: an empty port",
    bytes: host(" a:"),
    expect: { host: "a" },
  },
  {
    name: "3986 3.2.2: an IPv6 address",
    bytes: host(" [2001:DB8::1]:81"),
    expect: { host: "[2001:db8::1]:81", hostname: "[2001:db8::1]" },
  },
  { name: "9110 4.2.1: an empty Host", bytes: host(""), expect: "bad-host" },
  {
    name: "3986 3.2.2: an IPv6 address without its bracket",
    bytes: host(" [::1"),
    expect: "bad-host",
  },
  {
    name: "3986 3.2.2: text after the bracket",
    bytes: host(" [::1]a"),
    expect: "bad-host",
  },
  {
    name: "3986 3.2.2: not an IPv6 address",
    bytes: host(" [1:2:3]"),
    expect: "bad-host",
  },
  {
    name: "9110 4.2.4: user information in Host",
    bytes: host(" u@a"),
    expect: "bad-host",
  },
  {
    name: "9112 3.2: white space in Host",
    bytes: host(" a b"),
    expect: "bad-host",
  },
  { name: "9112 3.2: a path in Host", bytes: host(" a/b"), expect: "bad-host" },
  {
    name: "9112 3.2: a list in Host",
    bytes: host(" a, b"),
    expect: "bad-host",
  },
  {
    name: "9112 3.2: percent-encoding in Host",
    bytes: host(" %61"),
    expect: "bad-host",
  },
  {
    name: "9110 4.2: a port that is no port",
    bytes: host(" a:80a"),
    expect: "bad-host",
  },
  { name: "9110 4.2: port 0", bytes: host(" a:0"), expect: "bad-host" },
  {
    name: "9110 4.2: a port with a leading zero",
    bytes: host(" a:080"),
    expect: "bad-host",
  },
  {
    name: "9110 4.2: a port above 65535",
    bytes: host(" a:65536"),
    expect: "bad-host",
  },
];
