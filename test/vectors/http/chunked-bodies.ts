import type { ChunkedVector } from "./vector.ts";

/** Chunked content (RFC 9112 section 7.1). */
export const CHUNKED_BODIES: readonly ChunkedVector[] = [
  {
    name: "9112 7.1: one chunk",
    bytes: "3\r\nabc\r\n0\r\n\r\n",
    expect: { data: "abc" },
  },
  {
    name: "9112 7.1: several chunks",
    bytes: "3\r\nabc\r\n1\r\n-\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
    expect: { data: "abc-0123456789abcdef" },
  },
  { name: "9112 7.1: no content", bytes: "0\r\n\r\n", expect: { data: "" } },
  {
    name: "9112 7.1: data may look like framing",
    bytes: "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
    expect: { data: "\r\n0\r\n\r\n" },
  },
  {
    name: "9112 7.1: sizes in either case",
    bytes: "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
    expect: { data: "01234567890123456789" },
  },
  {
    name: "9112 7.1: what follows belongs to the next message",
    bytes: "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
    expect: { data: "a", rest: "GET / HTTP/1.1\r\n" },
  },
  {
    name: "9112 7.1: an empty size",
    bytes: "\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: white space before a size",
    bytes: " 3\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: white space after a size",
    bytes: "3 \r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: a sign",
    bytes: "+3\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: a negative size",
    bytes: "-3\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: a prefix",
    bytes: "0x3\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: no hexadecimal digit",
    bytes: "g\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: an underscore",
    bytes: "1_0\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: a leading zero",
    bytes: "03\r\nabc\r\n0\r\n\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: a last chunk of two zeros",
    bytes: "00\r\n\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1: leading zeros where they are allowed",
    bytes: "003\r\nabc\r\n000\r\n\r\n",
    allowPaddedSizes: true,
    expect: { data: "abc" },
  },
  {
    name: "9112 7.1: more leading zeros than digits are allowed",
    bytes: "00000000000003\r\nabc\r\n0\r\n\r\n",
    allowPaddedSizes: true,
    expect: "chunk-size-too-large",
  },
  {
    name: "9112 7.1: a size that wraps 64 bits",
    bytes: "10000000000000003\r\nabc\r\n",
    expect: "chunk-size-too-large",
  },
  {
    name: "9112 7.1: a size line that ends in LF",
    bytes: "3\nabc\r\n",
    expect: "bare-lf",
  },
  {
    name: "9112 7.1: a size line that ends in CR",
    bytes: "3\rabc\r\n",
    expect: "bare-cr",
  },
  {
    name: "9112 7.1: data longer than its size",
    bytes: "3\r\nabcd\r\n",
    expect: "bad-chunk-end",
  },
  {
    name: "9112 7.1: data that ends in LF",
    bytes: "3\r\nabc\n",
    expect: "bare-lf",
  },
  {
    name: "9112 7.1: data that ends in CR",
    bytes: "3\r\nabc\r0\r\n\r\n",
    expect: "bare-cr",
  },
  {
    name: "9112 7.1: no line end after the data",
    bytes: "3\r\nabc0\r\n\r\n",
    expect: "bad-chunk-end",
  },
  { name: "9112 7.1: the end in LF", bytes: "0\r\n\n", expect: "bare-lf" },
  { name: "9112 7.1: the end in CR", bytes: "0\r\n\rG", expect: "bare-cr" },

  // Extensions
  {
    name: "9112 7.1.1: an extension is ignored",
    bytes: "3;a\r\nabc\r\n0;b=c\r\n\r\n",
    expect: { data: "abc" },
  },
  {
    name: "9112 7.1.1: several, one quoted",
    bytes: '3;a=b;c="d \\" ;e";f\r\nabc\r\n0\r\n\r\n',
    expect: { data: "abc" },
  },
  {
    name: "9112 7.1.1: white space before one",
    bytes: "3 ;a\r\nabc\r\n",
    expect: "bad-chunk-size",
  },
  {
    name: "9112 7.1.1: white space after the semicolon",
    bytes: "3; a\r\nabc\r\n",
    expect: "bad-chunk-extension",
  },
  {
    name: "9112 7.1.1: an empty one",
    bytes: "3;\r\nabc\r\n",
    expect: "bad-chunk-extension",
  },
  {
    name: "9112 7.1.1: an empty value",
    bytes: "3;a=\r\nabc\r\n",
    expect: "bad-chunk-extension",
  },
  {
    name: "9112 7.1.1: a bare LF ends nothing",
    bytes: "3;a\nabc\r\n",
    expect: "bare-lf",
  },
  {
    name: "9112 7.1.1: a bare LF within quotes",
    bytes: '3;a="\n"\r\nabc\r\n',
    expect: "bare-lf",
  },
  {
    name: "9112 7.1.1: CR LF within quotes",
    bytes: '3;a="\r\n"\r\nabc\r\n',
    expect: "bad-chunk-extension",
  },
  {
    name: "9112 7.1.1: a bare CR",
    bytes: "3;a\rb\r\nabc\r\n",
    expect: "bare-cr",
  },
  {
    name: "9112 7.1.1: NUL",
    bytes: "3;a\0\r\nabc\r\n",
    expect: "bad-chunk-extension",
  },
  {
    name: "9112 7.1.1: text after a quoted value",
    bytes: '3;a="b"c\r\nabc\r\n',
    expect: "bad-chunk-extension",
  },
  {
    name: "9112 7.1.1: longer than anyone needs",
    bytes: `3;${"a".repeat(300)}\r\nabc\r\n`,
    expect: "chunk-extensions-too-large",
  },

  // Trailers
  {
    name: "9112 7.1.2: trailers",
    bytes: "1\r\na\r\n0\r\nX-Sum: b \r\nY:c\r\n\r\n",
    expect: { data: "a", trailers: ["X-Sum", "b", "Y", "c"] },
  },
  {
    name: "9112 7.1.2: trailers, then the next message",
    bytes: "0\r\nX: y\r\n\r\nGET",
    expect: { data: "", trailers: ["X", "y"], rest: "GET" },
  },
  {
    name: "9110 6.5.1: a trailer that governs framing",
    bytes: "0\r\nContent-Length: 5\r\n\r\n",
    expect: "bad-trailer",
  },
  {
    name: "9110 6.5.1: another one",
    bytes: "0\r\ntransfer-encoding: chunked\r\n\r\n",
    expect: "bad-trailer",
  },
  {
    name: "9110 6.5.1: a trailer that governs routing",
    bytes: "0\r\nHost: a\r\n\r\n",
    expect: "bad-trailer",
  },
  {
    name: "9110 6.5.1: a trailer that governs access",
    bytes: "0\r\nCookie: a\r\n\r\n",
    expect: "bad-trailer",
  },
  {
    name: "9110 6.5.1: a trailer that governs storing",
    bytes: "0\r\nCache-Control: a\r\n\r\n",
    expect: "bad-trailer",
  },
  {
    name: "9112 5.1: a space before the colon",
    bytes: "0\r\nX : y\r\n\r\n",
    expect: "space-before-colon",
  },
  {
    name: "9112 5.2: obs-fold",
    bytes: "0\r\nX: y\r\n z\r\n\r\n",
    expect: "obs-fold",
  },
  {
    name: "9110 5.1: a request line is no field",
    bytes: "0\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n",
    expect: "space-before-colon",
  },
  {
    name: "9112 2.2: a bare LF after a trailer",
    bytes: "0\r\nX: y\n\r\n",
    expect: "bare-lf",
  },
  {
    name: "9112 2.2: a bare CR in a trailer",
    bytes: "0\r\nX: y\rz\r\n\r\n",
    expect: "bare-cr",
  },
  {
    name: "9112 7.1.2: more trailers than are taken",
    bytes: `0\r\n${"X: y\r\n".repeat(33)}\r\n`,
    expect: "trailers-too-large",
  },
];
