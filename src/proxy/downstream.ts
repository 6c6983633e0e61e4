import type { ClientFacts } from "./client-facts.ts";
import type { AnswerFraming } from "./forward-head.ts";
import type { Lender, StoredResponse } from "../cache/index.ts";
import type { OwnAnswer } from "./own-answer.ts";

/** How bytes of an answer are to be written. */
export interface ContentHow {
  /** As a chunk of ours. */
  readonly encode: boolean;
  /** The bytes stay as they are while their source is paused: no copy is needed. */
  readonly kept: boolean;
  /** Of kept bytes that are so only while they are held. */
  readonly lender?: Lender;
}

/** An answer that is put together and not yet on its way. */
export interface Holding {
  /** All of it so far, taken out; undefined when any of it has gone. */
  holdBack(): Buffer | undefined;
  /** Puts what was held back where it was. */
  putBack(bytes: Buffer): void;
  /** The answer that was begun is not given: another will be. */
  reset(): void;
}

/** The client's side of an exchange. Nothing is on its way before `flush`. */
export interface Downstream {
  readonly facts: ClientFacts;
  /** The connection line that an answer of this framing needs; may be empty. */
  connectionLine(framing: AnswerFraming): string;
  interim(text: string): void;
  begin(status: number, text: string): void;
  content(bytes: Buffer, from: number, to: number, how: ContentHow): void;
  /** The answer is whole; `encode` as in `content`. */
  finish(encode: boolean): void;
  /** The answer cannot be completed: the client must see that. */
  cut(): void;
  /** Writes what was put together; true when the kernel took everything. */
  flush(): boolean;
  /** Absent where answers cannot be held back. */
  readonly holding?: Holding;
  /** A whole answer of the proxy. */
  own(answer: OwnAnswer): void;
  /** A whole answer from the store, as the request's conditions want it. */
  cached(entry: StoredResponse, statusLine: string): void;
  pauseBody(): void;
  resumeBody(): void;
  /** 101 is answered; from here on bytes go both ways as they are. */
  upgrade(text: string): void;
  tunnelData(bytes: Buffer, end: number): boolean;
  tunnelEnd(): void;
}
