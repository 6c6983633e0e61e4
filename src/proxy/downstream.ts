import type { StoredResponse } from "../cache/index.ts";
import type { AnswerFraming, ClientFacts } from "./forward-head.ts";
import type { OwnAnswer } from "./own-answer.ts";

/** How bytes of an answer are to be written. */
export interface ContentHow {
  /** As a chunk of ours. */
  readonly encode: boolean;
  /** The bytes stay as they are while their source is paused: no copy is needed. */
  readonly kept: boolean;
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
