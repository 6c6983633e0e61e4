import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Lender, StoredBody } from "../cache/index.ts";
import { ChunkedReader, type RequestHead } from "../http/index.ts";
import type { ContentHow } from "./downstream.ts";
import type { ClientFacts } from "./client-facts.ts";
import { withHsts } from "./hsts.ts";
import { http2Headers, statusOf, storedHttp2Headers } from "./http2-fields.ts";
import { recordAnswer } from "./record-answer.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";

/** A stored answer goes out in pieces, so that it can be seen to move. */
const PIECE_BYTES = 64 * 1024;
/** Below this a copy costs less than keeping the source waiting. */
const COPY_BYTES = 16 * 1024;

/**
 * Writes one answer, given as HTTP/1.1, to one HTTP/2 stream. The head waits
 * for what follows it: an answer without content is one frame.
 */
export class Http2Answer {
  isHead = false;
  fromStore = false;
  /** The client may stop sending once the answer has left. */
  closeWhenSent = false;
  readonly #thread: Thread;
  readonly #stream: ServerHttp2Stream;
  #head: OutgoingHttpHeaders | undefined;
  #status = 0;
  #contentBytes = 0;
  /** Takes the chunks off content that comes as a target framed it. */
  #chunks: ChunkedReader | undefined;
  #takesTrailers = false;
  /** Content that is there as a whole, and the part of it that is to be written. */
  #rest: Pick<StoredBody, "read"> | undefined;
  #restAt = 0;
  #restEnd = 0;
  /** Pieces under way of which no copy was made. */
  #uncopied = 0;
  /** Of bytes that are not taken yet. */
  readonly #lenders: Lender[] = [];
  #finished = false;
  #counted = false;
  readonly #onTaken: () => void;
  readonly #onUncopiedTaken = () => {
    this.#uncopied -= 1;
    this.#giveBack();
    this.#moved();
  };

  /** Content that the client has not made room for. */
  get pendingBytes(): number {
    return this.#stream.writableLength + this.#restBytes;
  }

  get #restBytes(): number {
    return this.#rest === undefined
      ? 0
      : Math.max(0, this.#restEnd - this.#restAt);
  }

  /** Content that has left. */
  get takenBytes(): number {
    return this.#contentBytes - this.#stream.writableLength;
  }

  /** `onTaken` is told that the client may be given more. */
  constructor(stream: ServerHttp2Stream, thread: Thread, onTaken: () => void) {
    this.#stream = stream;
    this.#thread = thread;
    this.#onTaken = onTaken;
    stream.on("drain", () => this.#moved());
  }

  /** `text` is a whole head; the client gets trailers only if it `takesTrailers`. */
  begin(text: string, takesTrailers: boolean): void {
    const head = withHsts(text, this.#thread.hsts);
    this.#status = statusOf(head);
    this.#head = { ":status": this.#status, ...http2Headers(head) };
    if (!/\r\ntransfer-encoding:/i.test(head)) return;
    this.#chunks = new ChunkedReader(this.#thread.limits);
    this.#takesTrailers = takesTrailers;
  }

  /** A whole head of an answer from the store, whose length is known. */
  beginStored(text: string): void {
    this.#status = statusOf(text);
    this.#head = storedHttp2Headers(text);
  }

  interim(text: string): void {
    const status = statusOf(text);
    if (!this.#isOpen() || this.#stream.headersSent) return;
    try {
      this.#stream.additionalHeaders({
        ":status": status,
        ...http2Headers(text),
      });
    } catch {
      // An interim answer may be left out.
    }
  }

  /** `encode` asks for chunks, which HTTP/2 does not have. */
  content(bytes: Buffer, from: number, to: number, how: ContentHow): void {
    const reader = how.encode ? undefined : this.#chunks;
    if (reader === undefined) {
      this.#write(bytes.subarray(from, to), how);
      return;
    }
    let at = from;
    while (at < to && reader.read(bytes, at, to) === "data") {
      this.#write(bytes.subarray(reader.dataStart, reader.dataEnd), how);
      at = reader.position;
    }
  }

  /** The whole content of an answer of ours. */
  whole(content: Buffer): void {
    this.#give({ read: (at) => content.subarray(at) }, 0, content.length);
  }

  /** The same of an answer from the store. */
  stored(
    body: StoredBody,
    { from, to }: { readonly from: number; readonly to: number },
  ): void {
    const { only } = body;
    if (only !== undefined && to - from < COPY_BYTES)
      this.whole(Buffer.from(only.subarray(from, to)));
    else if (!body.hold()) this.cut();
    else {
      this.#lenders.push(body);
      this.#give(body, from, to);
    }
  }

  #give(content: Pick<StoredBody, "read">, from: number, to: number): void {
    this.#rest = content;
    this.#restAt = from;
    this.#restEnd = to;
    this.finish();
  }

  finish(): void {
    this.#finished = true;
    this.flush();
  }

  /** Writes what waits; false while the client should not be given more. */
  flush(): boolean {
    if (!this.#isOpen()) return true;
    const isEmpty =
      this.#finished &&
      (this.#rest === undefined || this.#restAt >= this.#restEnd) &&
      this.#chunks === undefined;
    if (this.#head !== undefined) this.#respond(isEmpty);
    this.#writeRest();
    if (this.#finished && this.#rest === undefined) this.#endStream();
    return !this.#isFull();
  }

  /** The stream is closed: nothing is written any more. */
  gone(): void {
    this.#rest = undefined;
    this.#uncopied = 0;
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#uncopied > 0 || this.#rest !== undefined) return;
    for (const lender of this.#lenders.splice(0)) lender.release();
  }

  #isFull(): boolean {
    return this.#stream.writableNeedDrain || this.#uncopied > 0;
  }

  #moved(): void {
    if (!this.#isFull()) this.#onTaken();
  }

  /** It cannot be completed: the client must see that. */
  cut(): void {
    this.#head = undefined;
    this.#rest = undefined;
    // `close()` would end the content first, and a client could take it for
    // whole; an error becomes RST_STREAM with INTERNAL_ERROR alone.
    this.#stream.destroy(new Error("The answer was cut"));
  }

  /** Once, when the answer is whole or will never be. */
  count(
    client: { readonly facts: ClientFacts },
    request: RequestHead | undefined,
    serving: Serving | undefined,
  ): void {
    if (this.#counted) return;
    this.#counted = true;
    const answer = {
      status: this.#status,
      contentBytes: this.#contentBytes + this.#restBytes,
      fromStore: this.fromStore,
      version: "2.0",
    } as const;
    recordAnswer(this.#thread, answer, client, request, serving);
  }

  #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  #respond(endStream: boolean): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    const waitForTrailers =
      !endStream && this.#takesTrailers && this.#chunks !== undefined;
    if (waitForTrailers)
      this.#stream.once("wantTrailers", () => this.#sendTrailers());
    try {
      this.#stream.respond(head, { endStream, waitForTrailers });
    } catch {
      // A field that HTTP/1.1 has and Node does not send by HTTP/2.
      this.cut();
    }
  }

  #sendTrailers(): void {
    if (!this.#isOpen()) return;
    const trailers = this.#chunks?.trailers ?? [];
    const headers: Record<string, string> = {};
    for (let index = 0; index < trailers.length; index += 2)
      headers[trailers[index]?.toLowerCase() ?? ""] = trailers[index + 1] ?? "";
    try {
      this.#stream.sendTrailers(headers);
    } catch {
      this.cut();
    }
  }

  #write(piece: Buffer, { kept, lender }: ContentHow): void {
    if (!this.#isOpen()) return;
    this.#respond(false);
    this.#contentBytes += piece.length;
    if (this.#stream.writableEnded) return; // HEAD: Node has ended it by itself
    if (!kept || piece.length < COPY_BYTES) {
      this.#stream.write(Buffer.from(piece));
      return;
    }
    if (lender !== undefined) {
      if (!lender.hold()) {
        this.cut();
        return;
      }
      this.#lenders.push(lender);
    }
    this.#uncopied += 1;
    this.#stream.write(piece, this.#onUncopiedTaken);
  }

  #writeRest(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    while (this.#restAt < this.#restEnd) {
      if (this.#stream.writableNeedDrain || this.#stream.writableEnded) break;
      const size = Math.min(PIECE_BYTES, this.#restEnd - this.#restAt);
      const piece = rest.read(this.#restAt)?.subarray(0, size);
      if (piece === undefined) break;
      this.#restAt += piece.length;
      this.#contentBytes += piece.length;
      this.#uncopied += 1;
      this.#stream.write(piece, this.#onUncopiedTaken);
    }
    if (this.#restAt >= this.#restEnd || this.#stream.writableEnded)
      this.#rest = undefined;
  }

  #endStream(): void {
    if (!this.#stream.writableEnded) this.#stream.end();
    if (this.closeWhenSent && this.#stream.writableEnded)
      this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }
}
