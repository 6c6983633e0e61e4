import { CHUNKED_BODIES } from "../vectors/http/chunked-bodies.ts";
import { REQUEST_HEADS } from "../vectors/http/request-heads.ts";
import { RESPONSE_HEADS } from "../vectors/http/response-heads.ts";
import { SMUGGLING } from "../vectors/http/smuggling.ts";
import type { Random } from "./http-random.ts";

export type Direction = "request" | "response";

const REQUEST_LINES = [
  "GET / HTTP/1.1",
  "POST /a?b=c HTTP/1.1",
  "PUT http://a/x HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "HEAD /a%20b HTTP/1.0",
  "DELETE /x HTTP/1.1",
];
const STATUS_LINES = [
  "HTTP/1.1 200 OK",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 304 Not Modified",
  "HTTP/1.0 200 OK",
  "HTTP/1.1 500 ",
  "HTTP/1.1 103 Early Hints",
];
const FIELDS = [
  "Content-Length: 3",
  "Content-Length: 0",
  "Content-Length: 10",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: identity",
  "Connection: close",
  "Connection: keep-alive",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Expect: 100-continue",
  "Host: a",
  "Host: b:80",
  "X: y",
  "Cookie: a=b; c=d",
  "Trailer: X",
  "Content_Length: 3",
  "Proxy-Connection: keep-alive",
];
const BODIES = [
  "",
  "abc",
  "3\r\nabc\r\n0\r\n\r\n",
  "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
  "0\r\n\r\n",
  "a\r\n0123456789\r\n0\r\n\r\n",
  ...CHUNKED_BODIES.map((vector) => vector.bytes),
];
/** What parsers disagree about. */
const SPLINTERS = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\n\n",
  "\r\n ",
  "\r\n\t",
  " ",
  "\t",
  "\0",
  "\x0b",
  "\x0c",
  "\x7f",
  "\x80",
  "\xa0",
  "\xff",
  ":",
  " :",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "+",
  "-",
  "_",
  "0",
  "00",
  "0x",
  "f",
  "F",
  "#",
  "?",
  "/",
  "//",
  "http://",
  "@",
  "chunked",
  "Content-Length: 3\r\n",
  "Content-Length:3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding:chunked\r\n",
  "transfer-encoding: ,chunked\r\n",
  "0\r\n\r\n",
  "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "close",
];

/** Bytes of a few messages that are nearly right. */
export function mutatedStream(random: Random, direction: Direction): Buffer {
  let text = "";
  for (let left = 1 + random.below(3); left > 0; left--)
    text += message(random, direction);
  for (let left = random.below(4); left > 0; left--)
    text = mutate(random, text);
  return Buffer.from(text, "latin1");
}

function message(random: Random, direction: Direction): string {
  if (direction === "request" && random.once(4))
    return random.pick(SMUGGLING).bytes;
  if (random.once(3)) {
    const vectors = direction === "request" ? REQUEST_HEADS : RESPONSE_HEADS;
    return (
      random.pick(vectors).bytes + (random.once(2) ? random.pick(BODIES) : "")
    );
  }
  const lines = [
    random.pick(direction === "request" ? REQUEST_LINES : STATUS_LINES),
  ];
  if (direction === "request" && !random.once(10)) lines.push("Host: a");
  for (let left = random.below(4); left > 0; left--)
    lines.push(random.pick(FIELDS));
  return `${lines.join("\r\n")}\r\n\r\n${random.pick(BODIES)}`;
}

function mutate(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const length = random.below(6);
  switch (random.below(6)) {
    case 0: // put something in
      return text.slice(0, at) + random.pick(SPLINTERS) + text.slice(at);
    case 1: // put something in place of something
      return (
        text.slice(0, at) + random.pick(SPLINTERS) + text.slice(at + length)
      );
    case 2: // take something out
      return text.slice(0, at) + text.slice(at + 1 + length);
    case 3: // any byte
      return (
        text.slice(0, at) +
        String.fromCharCode(random.below(256)) +
        text.slice(at + random.below(2))
      );
    case 4: {
      // repeat a line
      const lines = text.split("\r\n");
      const index = random.below(lines.length);
      lines.splice(random.below(lines.length), 0, lines[index] ?? "");
      return lines.join("\r\n");
    }
    default: {
      // change the case of a letter, or flip a bit
      const code = text.charCodeAt(at) || 0;
      return (
        text.slice(0, at) +
        String.fromCharCode((code ^ (1 << random.below(8))) & 0xff) +
        text.slice(at + 1)
      );
    }
  }
}
