import {
  type BodyReader,
  bodyReader,
  DEFAULT_HEAD_LIMITS,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from "../../src/http/index.ts";
import type { Direction } from "./http-mutator.ts";

/** One message as a parser read it. */
export interface Reading {
  /** First line's parts. */
  readonly start: string;
  readonly fields: readonly string[];
  body: string;
  trailers: readonly string[];
  complete: boolean;
}

/** What a parser made of a stream. */
export interface StreamReading {
  readonly messages: readonly Reading[];
  /** Why it stopped: a code, or undefined when it waits for more. */
  readonly fault: string | undefined;
}

/** A stream, and where it is cut into arrivals. */
export interface Arrivals {
  readonly bytes: Buffer;
  readonly direction: Direction;
  /** Ascending; the last one is the length. */
  readonly ends: readonly number[];
  /** Of the requests that responses answer. */
  readonly requestMethod: string;
}

/** How our parsers read a stream; they stop where the connection would. */
export function readOurs(arrivals: Arrivals): StreamReading {
  const reader = new OurConnection(arrivals);
  for (const end of arrivals.ends) if (!reader.arrive(end)) break;
  return { messages: reader.messages, fault: reader.fault };
}

class OurConnection {
  readonly messages: Reading[] = [];
  fault: string | undefined = undefined;
  readonly #arrivals: Arrivals;
  #at = 0;
  #body: BodyReader | undefined = undefined;
  #lastOfConnection = false;

  constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals;
  }

  /** Reads on to `end`; false when nothing more will be read. */
  arrive(end: number): boolean {
    for (;;) {
      const isStuck =
        this.#body === undefined ? !this.#readHead(end) : !this.#readBody(end);
      if (this.fault !== undefined) return false;
      if (isStuck) return true;
    }
  }

  #readHead(end: number): boolean {
    const { bytes, direction, requestMethod } = this.#arrivals;
    if (this.#lastOfConnection) {
      this.fault = "closed";
      return false;
    }
    const result =
      direction === "request"
        ? parseRequestHead(bytes, this.#at, end, DEFAULT_HEAD_LIMITS)
        : parseResponseHead(
            bytes,
            this.#at,
            end,
            DEFAULT_HEAD_LIMITS,
            requestMethod,
          );
    if (result.kind === "reject") this.fault = result.code;
    if (result.kind !== "head") return false;
    const { head } = result;
    this.#at += result.size;
    this.messages.push({
      start: "method" in head ? startOf(head) : statusOf(head),
      fields: head.fields,
      body: "",
      trailers: [],
      complete: false,
    });
    this.#lastOfConnection = !head.keepAlive;
    if (
      head.upgrade !== undefined ||
      ("method" in head && head.method === "CONNECT")
    ) {
      this.fault = "upgrade";
      return false;
    }
    this.#body = bodyReader(head.framing);
    return true;
  }

  #readBody(end: number): boolean {
    const body = this.#body;
    const message = this.messages.at(-1);
    if (body === undefined || message === undefined) return false;
    const { bytes } = this.#arrivals;
    let event = body.read(bytes, this.#at, end);
    while (event === "data") {
      message.body += bytes.toString("latin1", body.dataStart, body.dataEnd);
      this.#at = body.position;
      event = body.read(bytes, this.#at, end);
    }
    this.#at = body.position;
    if (event === "reject") this.fault = body.fault;
    if (event !== "end") return false;
    message.trailers = body.trailers;
    message.complete = true;
    this.#body = undefined;
    return true;
  }
}

function startOf(head: RequestHead): string {
  return `${head.method} ${head.target} 1.${head.minorVersion}`;
}

function statusOf(head: ResponseHead): string {
  return `1.${head.minorVersion} ${head.status} ${head.reason}`;
}
