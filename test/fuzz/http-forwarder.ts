import {
  appendFields,
  type BodyReader,
  bodyReader,
  DEFAULT_HEAD_LIMITS,
  HOP_BY_HOP_SET,
  parseRequestHead,
  requestLine,
} from "../../src/http/index.ts";

/** What the first hop made of a client's bytes. */
export interface Forwarded {
  /** Bytes for the second hop: requests that were read to their end. */
  readonly bytes: Buffer;
  /** Target of each of them. */
  readonly targets: readonly string[];
  readonly fault: string | undefined;
}

/**
 * The first hop, as a proxy would be made from our room: heads are written
 * anew, bodies are passed on as they came, chunks included.
 */
export function forward(bytes: Buffer): Forwarded {
  const targets: string[] = [];
  const out: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const result = parseRequestHead(
      bytes,
      at,
      bytes.length,
      DEFAULT_HEAD_LIMITS,
    );
    if (result.kind !== "head")
      return finish(
        out,
        targets,
        result.kind === "reject" ? result.code : undefined,
      );
    const { head } = result;
    if (head.method === "CONNECT") return finish(out, targets, "connect");
    at += result.size;
    const reader: BodyReader = bodyReader(head.framing);
    const event = reader.follow(bytes, at, bytes.length);
    if (event !== "end") return finish(out, targets, reader.fault);
    const target =
      head.form === "absolute" ? head.path + head.query : head.target;
    let text = requestLine(head.method, target);
    if (head.hostField === undefined)
      text += `Host: ${head.host || "none"}\r\n`;
    text = appendFields(text, head, HOP_BY_HOP_SET);
    if (head.framing.kind === "chunked")
      text += "Transfer-Encoding: chunked\r\n";
    out.push(
      Buffer.from(`${text}\r\n`, "latin1"),
      bytes.subarray(at, reader.position),
    );
    at = reader.position;
    targets.push(target);
    if (!head.keepAlive) return finish(out, targets, "closed");
  }
  return finish(out, targets, undefined);
}

function finish(
  out: readonly Buffer[],
  targets: readonly string[],
  fault: string | undefined,
): Forwarded {
  return { bytes: Buffer.concat(out), targets, fault };
}
