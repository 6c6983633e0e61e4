import {
  type BodyReader,
  bodyReader,
  type RequestHead,
  type WireFault,
} from "../http/index.ts";
import type { ProxyLimits } from "./options.ts";
import type { Serving } from "./serving.ts";
import type { Wire } from "./wire.ts";

/** From this length on content is read into a buffer of the connection's own. */
const STREAM_BYTES = 32_768;

/** What became of bytes that were fed. */
export type FeedResult = "more" | "whole" | "too-large" | "malformed";

/** One request's content on its way from the client's bytes to who serves it. */
export class ContentFeed {
  readonly #wire: Wire;
  readonly #limits: ProxyLimits;
  #body: BodyReader | undefined;
  /** After `feed`: the index after what was taken. */
  position = 0;
  /** Content taken since the start, of all requests. */
  totalBytes = 0;
  /** Requests with content so far. */
  number = 0;
  #expectsContinue = false;

  constructor(wire: Wire, limits: ProxyLimits) {
    this.#wire = wire;
    this.#limits = limits;
  }

  /** Content is still to come. */
  get open(): boolean {
    return this.#body !== undefined;
  }

  get fault(): WireFault {
    return this.#body?.fault ?? "bad-chunk-size";
  }

  /** Of the present request. */
  get bytes(): number {
    return this.#body?.dataBytes ?? 0;
  }

  /** We read, and the client has been told to go on if it asked for that. */
  get isAwaited(): boolean {
    return !this.#wire.paused && !(this.#expectsContinue && this.bytes === 0);
  }

  /** False when it is announced to be too long. */
  begin({ framing, expectContinue }: RequestHead): boolean {
    if (framing.kind === "none") return true;
    this.number += 1;
    this.#expectsContinue = expectContinue;
    this.#body = bodyReader(framing, this.#limits);
    if (framing.bytes > STREAM_BYTES) this.#wire.stream(true);
    return framing.bytes <= this.#limits.maxBodyBytes;
  }

  /** No more of it is wanted. */
  drop(): void {
    if (this.#body === undefined) return;
    this.#body = undefined;
    this.#wire.stream(false);
  }

  feed(
    bytes: Buffer,
    from: number,
    end: number,
    serving: Serving | undefined,
  ): FeedResult {
    this.position = from;
    for (;;) {
      const body = this.#body;
      if (body === undefined) return "whole";
      const event = body.read(bytes, this.position, end);
      this.position = body.position;
      switch (event) {
        case "data":
          this.totalBytes += body.dataEnd - body.dataStart;
          if (body.dataBytes > this.#limits.maxBodyBytes) return "too-large";
          if (body.dataBytes > STREAM_BYTES) this.#wire.stream(true);
          serving?.onRequestData(
            bytes,
            body.dataStart,
            body.dataEnd,
            this.#wire.streams,
          );
          break;
        case "end":
          this.drop();
          serving?.onRequestEnd();
          return "whole";
        case "more":
          return "more";
        case "reject":
          return "malformed";
        default:
          event satisfies never;
      }
    }
  }
}
