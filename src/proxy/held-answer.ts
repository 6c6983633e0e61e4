import type { ResponseHead } from "../http/index.ts";
import type { Downstream } from "./downstream.ts";

/** Content up to this length is waited for before anything of an answer goes out. */
const HELD_BYTES = 64 * 1024;
/** And for no longer than this. */
const HELD_MS = 500;

/**
 * The beginning of a short answer, kept until the answer is whole. A target that
 * dies between the two writes of a page would else cost the client that page,
 * though another target has it. Most answers are whole in the turn in which
 * they begin and never come here.
 */
export class HeldAnswer {
  readonly #client: Downstream;
  #holds = false;
  #sinceMs = 0;
  #bytes: Buffer | undefined;

  constructor(client: Downstream) {
    this.#client = client;
  }

  /** Nothing of the answer has gone out, and the request could be sent again. */
  get holds(): boolean {
    return this.#holds;
  }

  /** A head has come. */
  begin(head: ResponseHead, nowMs: number): void {
    const { kind, bytes } = head.framing;
    this.#holds =
      this.#client.holding !== undefined &&
      kind === "length" &&
      bytes <= HELD_BYTES;
    this.#sinceMs = nowMs;
  }

  /** The turn is over and the answer is not: true when nothing is to be sent yet. */
  keep(): boolean {
    if (!this.#holds) return false;
    this.#bytes = this.#client.holding?.holdBack();
    this.#holds = this.#bytes !== undefined;
    return this.#holds;
  }

  /** More of it has come, or it is whole: what was kept goes before it. */
  resume(): void {
    if (this.#bytes === undefined) return;
    this.#client.holding?.putBack(this.#bytes);
    this.#bytes = undefined;
  }

  isOverdue(nowMs: number): boolean {
    return this.#holds && nowMs - this.#sinceMs >= HELD_MS;
  }

  /** It goes out from here on; what follows cannot be taken back. */
  release(): void {
    this.#holds = false;
    this.resume();
  }

  /** The target broke off: the client is none the wiser. */
  drop(): void {
    this.#holds = false;
    this.#bytes = undefined;
    this.#client.holding?.reset();
  }
}
