import type { ResponseHead } from "../http/index.ts";
import { UNTIL_CLOSE, alteredResponseHead } from "../http/index.ts";
import { wholeHead } from "./coded-head.ts";
import type { CodingPlan } from "./compression.ts";
import {
  compressAside,
  compressNow,
  Compressor,
  type CompressorUser,
} from "./compressor.ts";

/*
 * Up to 64 KB of announced length is gathered first: then its coded length can
 * be told, what does not get smaller stays as it is, and a target that breaks
 * off in the middle has cost the client nothing. Of that, up to 16 KB is coded in
 * this turn (0.1 to 0.25 ms), as a thread beside would cost as much to call.
 * Everything else is coded as it comes.
 *
 *   gathering ──► coded now ────────────────────────────► over
 *       └───────► coded beside ──(later)────────────────► over
 *   streaming ──► the source has ended ──(later)────────► over
 */
const GATHERED_BYTES = 64 * 1024;
const NOW_BYTES = 16 * 1024;

/** Where coded content goes; see `AnswerRelay`. */
export interface CodedSink {
  begin(head: ResponseHead): void;
  content(piece: Buffer): void;
  end(): "done" | "ask-again";
  /** False when the client takes no more for now. */
  flush(): boolean;
  /** More may come from the target. */
  taken(): void;
  /** What `complete` called `later`, or a failure at any time. */
  over(outcome: "done" | "ask-again" | "failed"): void;
}

/** One answer's content on its way through a compressor. */
export class CodedContent implements CompressorUser {
  readonly #plan: Extract<CodingPlan, { readonly kind: "code" }>;
  readonly #sink: CodedSink;
  readonly #counter: { compressing: number };
  readonly #compressor: Compressor | undefined;
  #gathered: Buffer[] = [];
  #isOver = false;

  constructor(
    plan: Extract<CodingPlan, { readonly kind: "code" }>,
    sink: CodedSink,
    counter: { compressing: number },
  ) {
    this.#plan = plan;
    this.#sink = sink;
    this.#counter = counter;
    counter.compressing += 1;
    const { kind, bytes } = plan.head.framing;
    if (kind === "length" && bytes <= GATHERED_BYTES) return;
    this.#compressor = new Compressor(plan.coding, this);
    sink.begin(alteredResponseHead(plan.head, { framing: UNTIL_CLOSE }));
  }

  /** Nothing has gone out, and nothing will before all is there. */
  get gathers(): boolean {
    return this.#compressor === undefined;
  }

  /** No more may come for now. */
  get blocked(): boolean {
    return this.#compressor?.blocked === true;
  }

  /** Copies. */
  data(bytes: Buffer): void {
    if (this.#compressor === undefined) this.#gathered.push(Buffer.from(bytes));
    else this.#compressor.write(bytes);
  }

  /** The target's answer is whole. */
  complete(): "done" | "ask-again" | "later" {
    if (this.#compressor !== undefined) {
      this.#compressor.end();
      return "later";
    }
    const content = Buffer.concat(this.#gathered);
    this.#gathered = [];
    const { coding } = this.#plan;
    if (content.length <= NOW_BYTES)
      return this.#deliver(content, compressNow(content, coding));
    compressAside(content, coding, (coded) => {
      if (!this.#isOver) this.#sink.over(this.#deliver(content, coded));
    });
    return "later";
  }

  #deliver(content: Buffer, coded: Buffer | undefined): "done" | "ask-again" {
    this.destroy();
    const pays = coded !== undefined && coded.length < content.length;
    const piece = pays ? coded : content;
    const head = pays ? this.#plan.head : this.#plan.uncoded;
    this.#sink.begin(wholeHead(head, piece.length));
    if (piece.length > 0) this.#sink.content(piece);
    return this.#sink.end();
  }

  onCoded(piece: Buffer): boolean {
    this.#sink.content(piece);
    return this.#sink.flush();
  }

  onTaken(): void {
    this.#sink.taken();
  }

  onCodedEnd(): void {
    this.destroy();
    this.#sink.over(this.#sink.end());
  }

  onCodingFailed(): void {
    this.destroy();
    this.#sink.over("failed");
  }

  /** The client takes more again. */
  resume(): void {
    this.#compressor?.resume();
  }

  sweep(): void {
    this.#compressor?.sweep();
  }

  /** Nothing more goes out. */
  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#counter.compressing -= 1;
    this.#compressor?.destroy();
  }
}
