import type { StoredBody, StoredResponse } from "../cache/index.ts";
import { chunkHeader, LAST_CHUNK, type RequestHead } from "../http/index.ts";
import { cachedAnswer, type StoredFor } from "./cached-answer.ts";
import type { ContentHow } from "./downstream.ts";
import type { ClientFacts } from "./client-facts.ts";
import { hitTail } from "./hit-lines.ts";
import { withHsts } from "./hsts.ts";
import { type OwnAnswer, ownAnswerText } from "./own-answer.ts";
import type { OutputSlab } from "./output-slab.ts";
import { recordAnswer } from "./record-answer.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";
import type { Wire } from "./wire.ts";

const CRLF = Buffer.from("\r\n", "latin1");
/** What chunk framing may need behind content. */
const FRAMING_BYTES = 64;

/** Writes answers to one client, and remembers what the log tells of the present one. */
export class AnswerWriter {
  readonly #thread: Thread;
  readonly #wire: Wire;
  /** A head is on its way: it is too late for another answer. */
  begun = false;
  status = 0;
  contentBytes = 0;
  fromStore = false;
  /** It has been told of: a client that is cut afterwards counts no second time. */
  #counted = false;
  /** Of the slab, when the present answer began: none since, none of it gone. */
  #flushesBefore = -1;

  constructor(thread: Thread, wire: Wire) {
    this.#thread = thread;
    this.#wire = wire;
  }

  /** For the next request. */
  reset(): void {
    this.begun = false;
    this.status = 0;
    this.contentBytes = 0;
    this.fromStore = false;
    this.#counted = false;
  }

  begin(status: number, text: string): void {
    this.begun = true;
    this.#counted = false;
    this.status = status;
    const slab = this.#slab();
    this.#flushesBefore = slab.flushes;
    slab.text(this.#wire.secure ? withHsts(text, this.#thread.hsts) : text);
  }

  interim(text: string): void {
    this.#slab().text(text);
    this.flush();
  }

  content(bytes: Buffer, from: number, to: number, how: ContentHow): void {
    const slab = this.#slab();
    const length = to - from;
    this.contentBytes += length;
    if (how.encode) slab.text(chunkHeader(length));
    // What stays as it is goes out by itself, unless it fits behind a head.
    if ((how.kept && slab.length === 0) || length > slab.room - FRAMING_BYTES) {
      const piece = bytes.subarray(from, to);
      slab.flush(this.#wire);
      if (how.lender !== undefined) this.#wire.writeLent(piece, how.lender);
      else this.#wire.write(how.kept ? piece : Buffer.from(piece));
    } else slab.bytes(bytes, from, to);
    if (how.encode) slab.bytes(CRLF, 0, 2);
  }

  endChunks(): void {
    this.#slab().text(LAST_CHUNK);
  }

  own(
    answer: OwnAnswer,
    options: Omit<Parameters<typeof ownAnswerText>[1], "proxy" | "pages">,
  ): void {
    this.begin(
      answer.status,
      ownAnswerText(answer, {
        ...options,
        proxy: this.#thread.name,
        pages: this.#thread.pages,
      }),
    );
  }

  /** Head as prepared, what differs each time, content: one write where it fits. */
  stored(
    entry: StoredResponse,
    asked: StoredFor & {
      readonly ageS: number;
      readonly statusLine: string;
      readonly connectionLine: string;
    },
  ): void {
    const slab = this.#slab();
    const answer = cachedAnswer(asked, entry, this.#thread.name);
    this.begun = true;
    this.#counted = false;
    this.fromStore = true;
    this.status = answer.status;
    this.contentBytes = answer.to - answer.from;
    slab.bytes(answer.head, 0, answer.head.length);
    if (asked.connectionLine === "") {
      const tail = hitTail(asked.ageS, asked.statusLine);
      slab.bytes(tail, 0, tail.length);
    } else
      slab.text(
        `Age: ${asked.ageS}\r\n${asked.statusLine}${asked.connectionLine}\r\n`,
      );
    const { only } = entry.body;
    if (only === undefined || !slab.bytes(only, answer.from, answer.to))
      this.#storedContent(entry.body, answer);
  }

  /** What does not lie together, or does not fit behind a head. */
  #storedContent(
    body: StoredBody,
    { from, to }: { readonly from: number; readonly to: number },
  ): void {
    const slab = this.#slab();
    const fits = to - from <= slab.room;
    if (!fits) slab.flush(this.#wire);
    for (let at = from; at < to;) {
      const piece = body.read(at);
      if (piece === undefined) return;
      const end = Math.min(piece.length, to - at);
      if (fits) slab.bytes(piece, 0, end);
      else this.#wire.writeLent(piece.subarray(0, end), body);
      at += end;
    }
  }

  #slab(): OutputSlab {
    const { slab } = this.#thread;
    slab.take(this.#wire);
    return slab;
  }

  /** False when the client takes no more for now. */
  tunnelData(bytes: Buffer, end: number): boolean {
    this.#thread.totals.bytesToClients += end;
    return passOn(this.#thread.slab, this.#wire, bytes, end);
  }

  /** The answer is whole, or will never be: for the totals and the access log. */
  count(
    client: { readonly facts: ClientFacts },
    request: RequestHead | undefined,
    serving: Serving | undefined,
  ): void {
    if (this.#counted) return;
    this.#counted = true;
    recordAnswer(this.#thread, this, client, request, serving);
  }

  holdBack(): Buffer | undefined {
    const { slab } = this.#thread;
    return slab.flushes === this.#flushesBefore
      ? slab.takeOut(this.#wire)
      : undefined;
  }

  putBack(bytes: Buffer): void {
    const { slab } = this.#thread;
    slab.take(this.#wire);
    this.#flushesBefore = slab.flushes;
    if (slab.bytes(bytes, 0, bytes.length)) return;
    this.#flushesBefore = -1;
    this.#wire.write(bytes);
  }

  /** True when the kernel has taken everything. */
  flush(): boolean {
    return this.#thread.slab.flush(this.#wire);
  }
}

/** Bytes of a tunnel: through the slab, so that the reader may read on. */
export function passOn(
  slab: OutputSlab,
  wire: Wire,
  bytes: Buffer,
  end: number,
): boolean {
  slab.take(wire);
  if (slab.bytes(bytes, 0, end)) return slab.flush(wire);
  return wire.write(Buffer.from(bytes.subarray(0, end)));
}
