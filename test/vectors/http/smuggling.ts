/** A way to hide a second request from the first hop. */
export interface SmugglingVector {
  readonly family: string;
  readonly name: string;
  /** What a client sends; `/hidden` must never be the target of a request that the first hop did not see. */
  readonly bytes: string;
}

const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED_EMPTY = "0\r\n\r\n";

function post(lines: readonly string[], body: string): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;
}

/** A length that spans a body in which an empty chunked body comes first. */
const SPAN = `Content-Length: ${CHUNKED_EMPTY.length + HIDDEN.length}`;
const BODY = CHUNKED_EMPTY + HIDDEN;

const TRANSFER_ENCODINGS: readonly (readonly [string, string])[] = [
  ["plain", "Transfer-Encoding: chunked"],
  ["space before the colon", "Transfer-Encoding : chunked"],
  ["tab before the colon", "Transfer-Encoding\t: chunked"],
  ["no space after the colon", "Transfer-Encoding:chunked"],
  ["tab after the colon", "Transfer-Encoding:\tchunked"],
  ["vertical tab after the colon", "Transfer-Encoding:\x0bchunked"],
  ["form feed after the colon", "Transfer-Encoding:\x0cchunked"],
  ["NUL after the value", "Transfer-Encoding: chunked\0"],
  ["no-break space after the value", "Transfer-Encoding: chunked\xa0"],
  ["tab after the value", "Transfer-Encoding: chunked\t"],
  ["another word", "Transfer-Encoding: xchunked"],
  ["a word before", "Transfer-Encoding: x chunked"],
  ["a comma before", "Transfer-Encoding: ,chunked"],
  ["identity before", "Transfer-Encoding: identity, chunked"],
  ["identity after", "Transfer-Encoding: chunked, identity"],
  ["twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"],
  [
    "identity in another field",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
  ],
  ["a parameter", "Transfer-Encoding: chunked;x=y"],
  ["quotes", 'Transfer-Encoding: "chunked"'],
  ["single quotes", "Transfer-Encoding: 'chunked'"],
  ["obs-fold", "Transfer-Encoding:\r\n chunked"],
  ["obs-fold of another field", "X: y\r\n Transfer-Encoding: chunked"],
  ["after a bare CR", "X: y\rTransfer-Encoding: chunked"],
  ["after a bare LF", "X: y\nTransfer-Encoding: chunked"],
  ["after LF CR", "X: y\n\rTransfer-Encoding: chunked"],
  ["underscore", "Transfer_Encoding: chunked"],
  ["space in front", " Transfer-Encoding: chunked"],
  ["space within", "Transfer Encoding: chunked"],
  ["NUL within", "Transfer-\0Encoding: chunked"],
  ["long s", "Tran\xc5\xbffer-Encoding: chunked"],
  ["no colon", "Transfer-Encoding chunked"],
  ["upper case", "TRANSFER-ENCODING: CHUNKED"],
  [
    "named in Connection",
    "Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding",
  ],
];

const LENGTHS: readonly (readonly [string, string])[] = [
  ["two lengths", `Content-Length: 0\r\nContent-Length: ${HIDDEN.length}`],
  [
    "two lengths, the other way",
    `Content-Length: ${HIDDEN.length}\r\nContent-Length: 0`,
  ],
  ["a list", `Content-Length: 0, ${HIDDEN.length}`],
  ["a sign", `Content-Length: +${HIDDEN.length}`],
  ["negative zero", "Content-Length: -0"],
  ["hexadecimal", `Content-Length: 0x${HIDDEN.length.toString(16)}`],
  ["octal", `Content-Length: 0${HIDDEN.length}`],
  ["a space within", "Content-Length: 0 5"],
  ["a fraction", "Content-Length: 0.5"],
  ["an exponent", "Content-Length: 0e5"],
  ["text after it", "Content-Length: 0x"],
  ["64-bit wrap", "Content-Length: 18446744073709551616"],
  ["empty", "Content-Length:"],
  ["underscore", `Content_Length: ${HIDDEN.length}`],
  ["space before the colon", `Content-Length : ${HIDDEN.length}`],
  ["obs-fold", `Content-Length:\r\n ${HIDDEN.length}`],
  ["after a bare CR", `X: y\rContent-Length: ${HIDDEN.length}`],
  ["after a bare LF", `X: y\nContent-Length: ${HIDDEN.length}`],
  [
    "named in Connection",
    `Content-Length: ${HIDDEN.length}\r\nConnection: Content-Length`,
  ],
  ["with Expect", `Expect: 100-continue\r\nContent-Length: ${HIDDEN.length}`],
  [
    "with another expectation",
    `Expect: x 100-continue\r\nContent-Length: ${HIDDEN.length}`,
  ],
  [
    "with an upgrade",
    `Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${HIDDEN.length}`,
  ],
];

const CHUNKS: readonly (readonly [string, string])[] = [
  ["LF after the size", `0\n\n${HIDDEN}`],
  ["size with a sign", `+0\r\n\r\n${HIDDEN}`],
  ["negative size", `-0\r\n\r\n${HIDDEN}`],
  ["prefix", `0x0\r\n\r\n${HIDDEN}`],
  ["space before the size", ` 0\r\n\r\n${HIDDEN}`],
  ["space after the size", `0 \r\n\r\n${HIDDEN}`],
  ["empty size", `\r\n\r\n${HIDDEN}`],
  ["64-bit wrap", `10000000000000000\r\n\r\n${HIDDEN}`],
  ["underscore", `0_0\r\n\r\n${HIDDEN}`],
  ["no line end after the data", `1\r\nx0\r\n\r\n${HIDDEN}`],
  ["wrong line end after the data", `1\r\nxyz0\r\n\r\n${HIDDEN}`],
  ["bare LF ends an extension", `1;a\nx\r\n0\r\n\r\n${HIDDEN}`],
  ["bare CR in an extension", `1;a\rx\r\n0\r\n\r\n${HIDDEN}`],
  [
    "line end in a quoted extension",
    `1;a="\r\nx\r\n0\r\n\r\n${HIDDEN}"\r\nx\r\n0\r\n\r\n`,
  ],
  [
    "request in a quoted extension",
    `1;a="GET /hidden HTTP/1.1"\r\nx\r\n0\r\n\r\n`,
  ],
  [
    "trailer that is a length",
    `0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  ],
  ["trailer that is a request", `0\r\n${HIDDEN}`],
  ["LF after the last chunk", `0\r\n\n${HIDDEN}`],
  ["CR after the last chunk", `0\r\n\r${HIDDEN}`],
  ["trailer with LF", `0\r\nX: y\n\n${HIDDEN}`],
  [
    "data that is a request",
    `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
  ],
];

const REQUEST_LINES: readonly (readonly [string, string])[] = [
  ["bare LF", `GET / HTTP/1.1\nHost: a\n\n${HIDDEN}`],
  ["bare CR", `GET / HTTP/1.1\rHost: a\r\r${HIDDEN}`],
  ["target with a line end", `GET /\r\nX: /hidden HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["two versions", `GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["HTTP/0.9", `GET /\r\n\r\n${HIDDEN}`],
  ["tabs", `GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n`],
  [
    "another minor version",
    `GET / HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
  ],
  [
    "chunked in HTTP/1.0",
    `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
  ],
  [
    "another host in the target",
    `GET http://b/hidden HTTP/1.1\r\nHost: a\r\n\r\n`,
  ],
  ["user information", `GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n`],
  ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  [
    "two hosts, one with a space",
    "GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n",
  ],
  [
    "length on GET",
    `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  ],
  [
    "length on HEAD",
    `HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  ],
  [
    "chunked on GET",
    `GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
  ],
  [
    "length on OPTIONS",
    `OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  ],
];

function rows(
  family: string,
  cases: readonly (readonly [string, string])[],
  bytesOf: (text: string) => string,
): SmugglingVector[] {
  return cases.map(([name, text]) => ({ family, name, bytes: bytesOf(text) }));
}

/** The families: two lengths, two codings, disguised names, chunks, request lines. */
export const SMUGGLING: readonly SmugglingVector[] = [
  ...rows("CL.TE", TRANSFER_ENCODINGS, (line) => post([SPAN, line], BODY)),
  ...rows("TE.CL", TRANSFER_ENCODINGS, (line) => post([line, SPAN], BODY)),
  ...rows("TE.TE", TRANSFER_ENCODINGS, (line) => post([line], BODY)),
  ...rows("TE.TE after a good one", TRANSFER_ENCODINGS, (line) =>
    post(["Transfer-Encoding: chunked", line], BODY),
  ),
  ...rows("CL.0", LENGTHS, (line) => post([line], HIDDEN)),
  ...rows("CL.CL", LENGTHS, (line) => post([SPAN, line], BODY)),
  ...rows("chunks", CHUNKS, (body) =>
    post(["Transfer-Encoding: chunked"], body),
  ),
  ...rows("request line", REQUEST_LINES, (text) => text),
];
