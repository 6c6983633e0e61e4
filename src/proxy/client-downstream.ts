import type { StoredResponse } from "../cache/index.ts";
import type { RequestHead } from "../http/index.ts";
import { AnswerWriter } from "./answer-writer.ts";
import type { Asker } from "./client.ts";
import { ClientFacts } from "./client-facts.ts";
import type { ContentFeed } from "./content-feed.ts";
import type { ContentHow } from "./downstream.ts";
import type { AnswerFraming } from "./forward-head.ts";
import { hstsOfStored } from "./hsts.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { Service } from "./service.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";
import type { Wire } from "./wire.ts";

/** What the answers of an HTTP/1.1 connection need of it. */
export interface AnsweredConnection {
  readonly wire: Wire;
  /** The request's content, which may still be coming. */
  readonly receiving: ContentFeed;
  /** What serves the present request, if that takes longer than a turn. */
  readonly serving: Serving | undefined;
  /** The answer is whole (and may still be in the slab). */
  answered(): void;
  /** Some of it was put together. */
  moved(): void;
  pauseBody(): void;
  resumeBody(): void;
  /** 101 is in the slab: from here on it is a tunnel. */
  upgraded(): void;
}

/** The client's side of the exchanges of one HTTP/1.1 connection, one at a time. */
export class ClientDownstream implements Asker {
  readonly scheme: "http" | "https";
  readonly holding: AnswerWriter;
  /** Whether another request may follow the present one. */
  keepAlive = true;
  service: Service | undefined = undefined;
  readonly #connection: AnsweredConnection;
  readonly #wire: Wire;
  readonly #thread: Thread;
  readonly #answer: AnswerWriter;
  #facts: ClientFacts | undefined;
  #request: RequestHead | undefined;
  #requests = 0;

  constructor(connection: AnsweredConnection, thread: Thread) {
    this.#connection = connection;
    this.#wire = connection.wire;
    this.#thread = thread;
    this.scheme = this.#wire.secure ? "https" : "http";
    this.#answer = new AnswerWriter(thread, this.#wire);
    this.holding = this.#answer;
  }

  get facts(): ClientFacts {
    this.#facts ??= new ClientFacts(this.#wire, this.#thread);
    return this.#facts;
  }

  /** A head is on its way: it is too late for another answer. */
  get begun(): boolean {
    return this.#answer.begun;
  }

  /** The next request; the answers are to it from now on. */
  ask(head: RequestHead): void {
    this.#request = head;
    this.service = undefined;
    this.#requests += 1;
    this.#answer.reset();
    this.keepAlive =
      head.keepAlive &&
      this.#requests < this.#thread.limits.maxRequestsPerConnection;
  }

  /** The request is done with. */
  forget(): void {
    this.#request = undefined;
    this.service = undefined;
  }

  connectionLine(framing: AnswerFraming): string {
    // An early answer: what is left of the request's content will not be read.
    if (this.#connection.receiving.open) this.keepAlive = false;
    if (framing === "close" || this.#thread.draining) this.keepAlive = false;
    if (!this.keepAlive) return "Connection: close\r\n";
    return this.#request?.minorVersion === 0
      ? "Connection: keep-alive\r\n"
      : "";
  }

  interim(text: string): void {
    this.#answer.interim(text);
  }

  begin(status: number, text: string): void {
    const rules = this.service?.rules?.answers;
    this.#answer.begin(
      status,
      rules === undefined ? text : rules.applyTo(text, this.#host),
    );
  }

  content(bytes: Buffer, from: number, to: number, how: ContentHow): void {
    this.#connection.moved();
    this.#answer.content(bytes, from, to, how);
  }

  finish(encode: boolean): void {
    if (encode) this.#answer.endChunks();
    this.#answered();
  }

  flush(): boolean {
    return this.#answer.flush();
  }

  cut(): void {
    this.#thread.slab.discard(this.#wire);
    this.count();
    this.#wire.reset();
  }

  own(answer: OwnAnswer): void {
    if (this.#connection.receiving.open || this.#thread.draining)
      this.keepAlive = false;
    this.#answer.own(answer, {
      close: !this.keepAlive,
      request: this.#request,
      service: this.service,
    });
    this.#answered();
  }

  cached(entry: StoredResponse, statusLine: string): void {
    const ageMs = Math.max(0, Date.now() - entry.bornAtMs);
    this.hit(entry, Math.floor(ageMs / 1000), statusLine);
  }

  hit(entry: StoredResponse, ageS: number, statusLine: string): void {
    const request = this.#request;
    if (request === undefined) return;
    const rules = this.service?.rules?.answers;
    this.#answer.stored(entry, {
      request,
      rules,
      ageS,
      statusLine: this.#wire.secure
        ? statusLine + hstsOfStored(entry, this.#thread.hsts, rules)
        : statusLine,
      connectionLine: this.connectionLine("length"),
    });
    this.#answered();
  }

  pauseBody(): void {
    this.#connection.pauseBody();
  }

  resumeBody(): void {
    this.#connection.resumeBody();
  }

  upgrade(text: string): void {
    this.#answer.begin(101, text);
    this.count();
    this.#connection.upgraded();
  }

  tunnelData(bytes: Buffer, end: number): boolean {
    return this.#answer.tunnelData(bytes, end);
  }

  tunnelEnd(): void {
    this.#wire.end();
  }

  /** That was asked. */
  get #host(): string {
    return this.#request?.host ?? "";
  }

  #answered(): void {
    this.count();
    this.#connection.answered();
  }

  /** The answer is whole, or will never be: for the totals and the access log. */
  count(): void {
    this.#answer.count(this, this.#request, this.#connection.serving);
  }
}
