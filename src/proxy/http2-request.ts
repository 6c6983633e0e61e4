import { constants, type ServerHttp2Stream } from "node:http2";
import type { StoredResponse } from "../cache/index.ts";
import {
  type RequestHead,
  type WireFault,
  wireFaultRule,
} from "../http/index.ts";
import { cachedAnswer } from "./cached-answer.ts";
import type { Asker, Dispatch } from "./client.ts";
import type { ContentHow } from "./downstream.ts";
import type { ClientFacts } from "./client-facts.ts";
import { hstsOfStored } from "./hsts.ts";
import { Http2Answer } from "./http2-answer.ts";
import { readHttp2Head } from "./http2-fields.ts";
import { type OwnAnswer, ownAnswerText } from "./own-answer.ts";
import type { Service } from "./service.ts";
import { type Incoming, PeerPace } from "./peer-pace.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";

/*
 *  asked ──► answering ──► answered ──► closed
 *    │          │             ▲            ▲
 *    └──────────┼─ own, hit ──┘            │
 *               └─ cut, or the client resets the stream
 *
 * `answered` means that the answer is whole, not that the client has taken it.
 */
type State = "asked" | "answering" | "answered" | "closed";

/** One request of an HTTP/2 client: one stream. */
export class Http2Request implements Asker {
  readonly scheme = "https";
  readonly facts: ClientFacts;
  service: Service | undefined = undefined;
  readonly #thread: Thread;
  readonly #stream: ServerHttp2Stream;
  readonly #answer: Http2Answer;
  readonly #onGone: (request: Http2Request, wasReset: boolean) => void;
  #state: State = "asked";
  #request: RequestHead | undefined;
  #serving: Serving | undefined;
  #movedAtMs: number;
  /** Of the request's content. */
  #receivedBytes = 0;
  #receives = false;
  /** Made when it is first asked: few requests live that long. */
  #ownPace: PeerPace | undefined;
  #isGone = false;

  constructor(
    stream: ServerHttp2Stream,
    options: {
      readonly thread: Thread;
      readonly facts: ClientFacts;
      /** Told once; `wasReset` when the client gave the stream up. */
      readonly onGone: (request: Http2Request, wasReset: boolean) => void;
    },
  ) {
    this.#stream = stream;
    this.#thread = options.thread;
    this.facts = options.facts;
    this.#onGone = options.onGone;
    this.#movedAtMs = options.thread.coarseMs;
    this.#answer = new Http2Answer(stream, options.thread, () =>
      this.#onTaken(),
    );
    stream.on("error", () => {}); // `close` follows
    stream.on("close", () => {
      this.#onClose();
      this.#answer.gone();
    });
    // A reset with NO_ERROR closes nothing by itself.
    stream.on("aborted", () => {
      this.#onClose();
      stream.destroy();
    });
  }

  /** Serves the request whose fields have come. */
  start(fields: readonly string[], dispatch: Dispatch): void {
    const stream = this.#stream;
    const isWhole = stream.endAfterHeaders;
    const result = readHttp2Head({ fields, isWhole }, this.#thread.limits);
    if (result.kind === "misdirected") {
      this.own({ status: 421, error: "http_request_error" });
      return;
    }
    if (result.kind !== "head") {
      this.#refuse(result.kind === "reject" ? result.code : "head-too-large");
      return;
    }
    const { head } = result;
    this.#request = head;
    this.#answer.isHead = head.method === "HEAD";
    if (head.framing.bytes > this.#thread.limits.maxBodyBytes) {
      this.own({ status: 413 });
      return;
    }
    const serving = dispatch(this, head);
    if (serving === undefined) return;
    this.#serving = serving;
    serving.onOver = () => {
      if (this.#serving === serving) this.#serving = undefined;
    };
    if (!isWhole) this.#receive();
    serving.start();
    this.flush();
  }

  // ---- content from the client

  #receive(): void {
    this.#receives = true;
    this.#stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#stream.on("end", () => this.#onEnd());
  }

  #onData(chunk: Buffer): void {
    if (!this.#receives || this.#state === "closed") return;
    this.#movedAtMs = this.#thread.coarseMs;
    this.#receivedBytes += chunk.length;
    this.#thread.totals.bytesFromClients += chunk.length;
    const framing = this.#request?.framing;
    if (this.#receivedBytes > this.#thread.limits.maxBodyBytes) {
      this.#giveUp({ status: 413 });
      return;
    }
    // nghttp2 looks at this too; a length that lies must not reach a target.
    if (
      framing?.kind !== "chunked" &&
      this.#receivedBytes > (framing?.bytes ?? 0)
    ) {
      this.#giveUp({ status: 400, error: "http_request_error" });
      return;
    }
    this.#serving?.onRequestData(chunk, 0, chunk.length, true);
  }

  #onEnd(): void {
    if (!this.#receives || this.#state === "closed") return;
    // A stream that was reset ends as well: only END_STREAM says it is whole.
    if (this.#stream.aborted || this.#stream.closed) return;
    this.#receives = false;
    const framing = this.#request?.framing;
    if (framing?.kind === "length" && this.#receivedBytes !== framing.bytes) {
      this.#giveUp({ status: 400, error: "http_request_error" });
      return;
    }
    this.#serving?.onRequestEnd();
    this.flush();
  }

  /** The request cannot be served to its end. */
  #giveUp(answer: OwnAnswer): void {
    const serving = this.#serving;
    this.#serving = undefined;
    serving?.abort();
    if (this.#state === "asked") this.own(answer);
    else this.cut();
  }

  #refuse(code: WireFault): void {
    const { clientFaults } = this.#thread.totals;
    clientFaults[code] = (clientFaults[code] ?? 0) + 1;
    this.own({
      status: wireFaultRule(code, "client").status,
      error: "http_request_error",
      details: code,
    });
  }

  // ---- the client's side of an exchange

  connectionLine(): string {
    return ""; // RFC 9113 section 8.2.2: HTTP/2 has no such field
  }

  interim(text: string): void {
    if (this.#state === "asked") this.#answer.interim(text);
  }

  begin(_status: number, text: string): void {
    if (this.#state !== "asked") return;
    this.#state = "answering";
    this.#movedAtMs = this.#thread.coarseMs;
    const rules = this.service?.rules?.answers;
    this.#answer.begin(
      rules === undefined
        ? text
        : rules.applyTo(text, this.#request?.host ?? ""),
      this.#takesTrailers(),
    );
  }

  content(bytes: Buffer, from: number, to: number, how: ContentHow): void {
    if (this.#state !== "answering") return;
    this.#movedAtMs = this.#thread.coarseMs;
    this.#answer.content(bytes, from, to, how);
  }

  finish(_encode: boolean): void {
    if (this.#state !== "answering") return;
    this.#answer.finish();
    this.#answered();
  }

  flush(): boolean {
    return this.#state === "closed" || this.#answer.flush();
  }

  cut(): void {
    if (this.#state === "closed") return;
    this.#count();
    this.#end();
    this.#answer.cut();
  }

  own(answer: OwnAnswer): void {
    if (this.#state !== "asked") return;
    const text = ownAnswerText(answer, {
      proxy: this.#thread.name,
      close: false,
      request: this.#request,
      service: this.service,
      pages: this.#thread.pages,
    });
    const bodyStart = text.indexOf("\r\n\r\n") + 4;
    this.#answer.begin(text.slice(0, bodyStart), false);
    this.#answer.whole(Buffer.from(text.slice(bodyStart), "latin1"));
    this.#answered();
  }

  cached(entry: StoredResponse, statusLine: string): void {
    const ageMs = Math.max(0, Date.now() - entry.bornAtMs);
    this.hit(entry, Math.floor(ageMs / 1000), statusLine);
  }

  hit(entry: StoredResponse, ageS: number, statusLine: string): void {
    const request = this.#request;
    if (request === undefined || this.#state !== "asked") return;
    const { name, hsts } = this.#thread;
    const rules = this.service?.rules?.answers;
    const answer = cachedAnswer({ request, rules }, entry, name);
    this.#answer.fromStore = true;
    this.#answer.beginStored(
      `${answer.head.toString("latin1")}Age: ${ageS}\r\n${statusLine}${hstsOfStored(entry, hsts, rules)}\r\n`,
    );
    this.#answer.stored(entry.body, answer);
    this.#answered();
  }

  pauseBody(): void {
    if (this.#receives) this.#stream.pause();
  }

  resumeBody(): void {
    if (this.#receives) this.#stream.resume();
  }

  /** HTTP/2 asks for no upgrade, so no target may grant one. */
  upgrade(): void {
    this.cut();
  }

  tunnelData(): boolean {
    return true;
  }

  tunnelEnd(): void {}

  #takesTrailers(): boolean {
    return this.#request?.te?.toLowerCase() === "trailers";
  }

  // ---- the end

  #answered(): void {
    this.#state = "answered";
    this.#movedAtMs = this.#thread.coarseMs;
    this.#count();
    // RFC 9113 section 8.1: what is left of the content is not wanted; NO_ERROR
    // asks the client to stop sending without losing the answer.
    this.#answer.closeWhenSent = !this.#isContentWhole();
    this.#receives = false;
    this.#answer.flush();
  }

  #isContentWhole(): boolean {
    return this.#stream.endAfterHeaders || this.#stream.readableEnded;
  }

  #onTaken(): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (this.#state === "answering") this.#serving?.onClientDrain();
    else if (this.#state === "answered") this.#answer.flush();
  }

  #onClose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const stream = this.#stream;
    const wasReset =
      this.#state !== "closed" &&
      (stream.rstCode !== constants.NGHTTP2_NO_ERROR ||
        !stream.writableFinished);
    if (this.#state === "asked" || this.#state === "answering") this.#count();
    this.#end();
    this.#onGone(this, wasReset);
  }

  /** Lets go of everything; the stream itself may still be closing. */
  #end(): void {
    this.#state = "closed";
    this.#receives = false;
    const serving = this.#serving;
    this.#serving = undefined;
    serving?.abort();
  }

  #count(): void {
    this.#answer.count(this, this.#request, this.#serving);
  }

  sweep(nowMs: number): void {
    const stalled =
      nowMs - this.#movedAtMs >= this.#thread.limits.stallTimeoutMs;
    const { guard } = this.#thread;
    switch (this.#state) {
      case "asked":
      case "answering":
        if (this.#pace.readsTooSlowly(this.#answer, nowMs)) {
          guard.count("reading-too-slow");
          this.cut();
        } else if (this.#sendsTooSlowly(nowMs, stalled)) {
          guard.count("sending-too-slow");
          this.#giveUp({ status: 408 });
        } else this.#serving?.sweep(nowMs);
        return;
      case "answered":
        // The client opens no window for what it asked for, or hardly any.
        if (!stalled && !this.#pace.readsTooSlowly(this.#answer, nowMs)) return;
        guard.count("reading-too-slow");
        this.#end();
        this.#answer.cut();
        return;
      case "closed":
        return;
      default:
        this.#state satisfies never;
    }
  }

  get #pace(): PeerPace {
    this.#ownPace ??= new PeerPace(this.#thread.limits);
    return this.#ownPace;
  }

  #sendsTooSlowly(nowMs: number, stalled: boolean): boolean {
    const isRead = this.#receives && !this.#stream.isPaused();
    const hasToSpeak =
      this.#receivedBytes > 0 || this.#request?.expectContinue !== true;
    const content: Incoming = {
      open: this.#receives,
      number: 0,
      bytes: this.#receivedBytes,
      isAwaited: isRead && hasToSpeak,
    };
    return this.#pace.sendsTooSlowly(content, nowMs) || (isRead && stalled);
  }
}
