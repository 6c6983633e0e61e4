import type { RequestVector } from "./vector.ts";

function line(requestLine: string): string {
  return `${requestLine}\r\nHost: a\r\n\r\n`;
}

/** Request lines (RFC 9112 section 3). */
export const REQUEST_LINES: readonly RequestVector[] = [
  // Request line
  {
    name: "9112 3: method SP target SP version CRLF",
    bytes: line("GET /where?q=now HTTP/1.1"),
    expect: {
      method: "GET",
      target: "/where?q=now",
      form: "origin",
      path: "/where",
      query: "?q=now",
      minorVersion: 1,
      host: "a",
      framing: "none",
      keepAlive: true,
      fields: ["Host", "a"],
    },
  },
  {
    name: "9112 3.1: a method is case-sensitive",
    bytes: line("get / HTTP/1.1"),
    expect: { method: "get" },
  },
  {
    name: "9112 3.1: an unknown method is a token like any other",
    bytes: line("M-SEARCH / HTTP/1.1"),
    expect: { method: "M-SEARCH" },
  },
  {
    name: "9112 3.1: a method is not empty",
    bytes: line(" / HTTP/1.1"),
    expect: "bad-request-line",
  },
  {
    name: "9112 3.1: a method is a token",
    bytes: line("GE{T / HTTP/1.1"),
    expect: "bad-method",
  },
  {
    name: "9112 3.1: a method has no byte above 0x7e",
    bytes: line("G\xe9T / HTTP/1.1"),
    expect: "bad-method",
  },
  {
    name: "9112 3.1: 501 for a method longer than any",
    bytes: line(`${"A".repeat(25)} / HTTP/1.1`),
    expect: "method-too-long",
  },
  {
    name: "9112 3: two spaces before the target",
    bytes: line("GET  / HTTP/1.1"),
    expect: "bad-request-line",
  },
  {
    name: "9112 3: two spaces before the version",
    bytes: line("GET /  HTTP/1.1"),
    expect: "bad-request-line",
  },
  {
    name: "9112 3: a space after the version",
    bytes: line("GET / HTTP/1.1 "),
    expect: "bad-request-line",
  },
  {
    name: "9112 3: a tab for a space",
    bytes: line("GET\t/ HTTP/1.1"),
    expect: "bad-request-line",
  },
  {
    name: "9112 3: a tab before the version",
    bytes: line("GET /\tHTTP/1.1"),
    expect: "bad-request-line",
  },
  {
    name: "9112 3: white space within the target",
    bytes: line("GET /a b HTTP/1.1"),
    expect: "bad-version",
  },
  {
    name: "9112 3: no target",
    bytes: line("GET HTTP/1.1"),
    expect: "bad-request-line",
  },
  {
    name: "9112 3: no version, as in HTTP/0.9",
    bytes: "GET /\r\n\r\n",
    expect: "bad-request-line",
  },
  {
    name: "9112 2.2: one empty line before the request line is skipped",
    bytes: `\r\n${line("GET / HTTP/1.1")}`,
    expect: { method: "GET" },
  },
  {
    name: "9112 2.2: two empty lines before the request line",
    bytes: `\r\n\r\n${line("GET / HTTP/1.1")}`,
    expect: "bad-request-line",
  },
  {
    name: "9112 2.2: white space before the first field",
    bytes: "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    expect: "obs-fold",
  },
  {
    name: "9112 2.2: a request line that ends in LF",
    bytes: "GET / HTTP/1.1\nHost: a\r\n\r\n",
    expect: "bare-lf",
  },
  {
    name: "9112 2.2: a request line that ends in CR",
    bytes: "GET / HTTP/1.1\rHost: a\r\n\r\n",
    expect: "bare-cr",
  },
  {
    name: "9112 2.2: LF LF is not the end of a head",
    bytes: "GET / HTTP/1.1\nHost: a\n\n",
    expect: "bare-lf",
  },
  {
    name: "9112 2.2: a bare LF in the target",
    bytes: line("GET /a\nb HTTP/1.1"),
    expect: "bare-lf",
  },

  // Version
  {
    name: "9112 2.3: HTTP/1.0 does not keep the connection",
    bytes: "GET / HTTP/1.0\r\n\r\n",
    expect: { minorVersion: 0, keepAlive: false, host: "" },
  },
  {
    name: "9112 2.3: the name of the protocol is case-sensitive",
    bytes: line("GET / http/1.1"),
    expect: "bad-version",
  },
  {
    name: "9112 2.3: a version has one digit on each side",
    bytes: line("GET / HTTP/1.10"),
    expect: "bad-version",
  },
  {
    name: "9112 2.3: a version has a dot",
    bytes: line("GET / HTTP/11"),
    expect: "bad-version",
  },
  {
    name: "9110 15.6.6: HTTP/2.0 in HTTP/1.1 bytes",
    bytes: line("PRI * HTTP/2.0"),
    expect: "bad-target",
  },
  {
    name: "9110 15.6.6: 505 for another major version",
    bytes: line("GET / HTTP/3.0"),
    expect: "version-not-supported",
  },
  {
    name: "9110 15.6.6: 505 for a minor version that nobody defined",
    bytes: line("GET / HTTP/1.2"),
    expect: "version-not-supported",
  },

  // Target
  {
    name: "9112 3.2.1: an empty query stays a query",
    bytes: line("GET /a? HTTP/1.1"),
    expect: { path: "/a", query: "?" },
  },
  {
    name: "9112 3.2.1: a second question mark belongs to the query",
    bytes: line("GET /a?b?c HTTP/1.1"),
    expect: { path: "/a", query: "?b?c" },
  },
  {
    name: "9112 3.2.1: a path may begin with two slashes",
    bytes: line("GET //b/c HTTP/1.1"),
    expect: { form: "origin", path: "//b/c", host: "a" },
  },
  {
    name: "9112 3.2.1: percent-encoding is not decoded",
    bytes: line("GET /%2e%2e/%00 HTTP/1.1"),
    expect: { path: "/%2e%2e/%00" },
  },
  {
    name: "9112 3.2: what browsers leave plain in a query",
    bytes: line("GET /?a[]=1|2^`{}\\ HTTP/1.1"),
    expect: { query: "?a[]=1|2^`{}\\" },
  },
  {
    name: "9112 3.2: a fragment",
    bytes: line("GET /a#b HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: a fragment in the query",
    bytes: line("GET /a?b#c HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: a backslash in the path",
    bytes: line("GET /a\\b HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: a quote",
    bytes: line('GET /" HTTP/1.1'),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: an angle bracket",
    bytes: line("GET /<a> HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: NUL",
    bytes: line("GET /\0 HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: DEL",
    bytes: line("GET /\x7f HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: a byte above 0x7e",
    bytes: line("GET /\xc3\xa9 HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2: a target that begins with neither slash nor scheme",
    bytes: line("GET a HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2.2: absolute form, without its default port",
    bytes:
      "GET HTTP://Example.com:80/x?y HTTP/1.1\r\nHost: example.com\r\n\r\n",
    expect: { form: "absolute", path: "/x", query: "?y", host: "example.com" },
  },
  {
    name: "9112 3.2.2: absolute form without a path",
    bytes: "GET http://a?y HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: { path: "/", query: "?y" },
  },
  {
    name: "9112 3.2.2: Host differs from the target",
    bytes: "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
    expect: "host-mismatch",
  },
  {
    name: "9112 3.2.2: Host has another port than the target",
    bytes: "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: "host-mismatch",
  },
  {
    name: "9112 3.2.2: absolute form does not replace Host in HTTP/1.1",
    bytes: "GET http://a/ HTTP/1.1\r\n\r\n",
    expect: "missing-host",
  },
  {
    name: "9112 3.2.2: absolute form stands for Host in HTTP/1.0",
    bytes: "GET http://a/ HTTP/1.0\r\n\r\n",
    expect: { host: "a" },
  },
  {
    name: "9110 4.2.4: user information",
    bytes: "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: "bad-target",
  },
  {
    name: "9112 3.2.2: another scheme",
    bytes: "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: "bad-target",
  },
  {
    name: "9110 4.2.1: an empty host in the target",
    bytes: "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: "bad-target",
  },
  {
    name: "9112 3.2.3: authority form",
    bytes: "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    expect: { form: "authority", path: "", host: "a:443" },
  },
  {
    name: "9112 3.2.3: authority form has a port",
    bytes: "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: "bad-target",
  },
  {
    name: "9112 3.2.3: authority form is for CONNECT only",
    bytes: "GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    expect: "bad-target",
  },
  {
    name: "9112 3.2.3: CONNECT with a path",
    bytes: line("CONNECT / HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2.4: asterisk form",
    bytes: line("OPTIONS * HTTP/1.1"),
    expect: { form: "asterisk", path: "*" },
  },
  {
    name: "9112 3.2.4: asterisk form is for OPTIONS only",
    bytes: line("GET * HTTP/1.1"),
    expect: "bad-target",
  },
  {
    name: "9112 3.2.4: OPTIONS of a host without path",
    bytes: "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: { form: "absolute", path: "*" },
  },
];
