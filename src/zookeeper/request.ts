import type { Timer } from "../base/index.ts";
import type { Reader, Writer } from "../jute/index.ts";
import type { WatchRequest } from "./watch-request.ts";
import { ZooKeeperError, type ZooKeeperErrorCode } from "./zookeeper-error.ts";

/** What every operation takes. */
export interface RequestOptions {
  /** Gives up waiting: the promise rejects with `signal.reason`. A request that was sent may still be done. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up waiting after so long, with the code `deadline`. */
  readonly timeoutMs?: number | undefined;
  /** Fails at once with `not-connected` where there is no live session, instead of waiting for one. */
  readonly failFast?: boolean | undefined;
}

/** What a reply carries besides its body. */
export interface ReplyContext {
  /** The last transaction that the server had seen. */
  readonly zxid: bigint;
  readonly chroot: string;
}

/** One kind of request: how it is written and how its answer is read. */
export interface Operation<Payload, Answer> {
  /** For errors: `Cannot <name> <path>`. */
  readonly name: string;
  readonly code: number;
  write(this: void, writer: Writer, payload: Payload): void;
  /** The bytes of node data that a request holds; none unless given. */
  dataBytes?(this: void, payload: Payload): number;
  /** Reads the body of an answer without error. */
  read(this: void, reader: Reader, context: ReplyContext): Answer;
  /** Where `no-node` is an answer and no failure. */
  readonly noNode?: { readonly answer: Answer };
}

/**
 * One call, from the moment it is made until its promise settles. It is held
 * by the depot, which alone sends it and gives it its answer.
 */
export class Request<Payload, Answer> {
  readonly operation: Operation<Payload, Answer>;
  readonly payload: Payload;
  /** As the caller gave it, for errors. */
  readonly path: string | undefined;
  readonly options: RequestOptions | undefined;
  /** What it holds of node data. */
  readonly dataBytes: number;
  watch: WatchRequest | undefined;
  xid = 0;
  sentAtMs = 0;
  settled = false;
  #timer: Timer | undefined;
  #onAbort: (() => void) | undefined;
  #resolve: ((answer: Answer) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  readonly promise: Promise<Answer>;

  constructor(
    operation: Operation<Payload, Answer>,
    payload: Payload,
    path: string | undefined,
    options: RequestOptions | undefined,
  ) {
    this.operation = operation;
    this.payload = payload;
    this.path = path;
    this.dataBytes = operation.dataBytes?.(payload) ?? 0;
    this.options = options;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get wasSent(): boolean {
    return this.xid !== 0;
  }

  /** Keeps what must be stopped when it settles. */
  guard(timer: Timer | undefined, onAbort: (() => void) | undefined): void {
    this.#timer = timer;
    this.#onAbort = onAbort;
  }

  write(writer: Writer): void {
    this.operation.write(writer, this.payload);
  }

  /** Reads the answer's body; throws JuteRejection where it is none. */
  answer(reader: Reader, context: ReplyContext): void {
    const answer = this.operation.read(reader, context);
    this.#settle();
    this.#resolve?.(answer);
  }

  /** Settles with what `no-node` means for this operation; false where it is a failure. */
  answerNoNode(): boolean {
    const { noNode } = this.operation;
    if (noNode === undefined) return false;
    this.#settle();
    this.#resolve?.(noNode.answer);
    return true;
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.#settle();
    this.#reject?.(error);
  }

  failWith(
    code: ZooKeeperErrorCode,
    more: {
      readonly maybeDone?: boolean;
      readonly number?: number;
      readonly zxid?: bigint;
      readonly detail?: string;
    } = {},
  ): void {
    if (this.settled) return;
    const op = this.operation.name;
    this.fail(new ZooKeeperError(code, { op, path: this.path, ...more }));
  }

  #settle(): void {
    this.settled = true;
    this.#timer?.cancel();
    if (this.#onAbort !== undefined)
      this.options?.signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** A request of any kind, as the depot and the session see it. */
export type AnyRequest = Pick<
  Request<unknown, unknown>,
  | "path"
  | "dataBytes"
  | "options"
  | "watch"
  | "xid"
  | "sentAtMs"
  | "settled"
  | "wasSent"
  | "guard"
  | "write"
  | "answer"
  | "answerNoNode"
  | "fail"
  | "failWith"
  | "promise"
> & { readonly operation: { readonly name: string; readonly code: number } };
