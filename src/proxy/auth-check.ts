import type { RequestHead } from "../http/index.ts";
import type { AuthRules } from "./auth-rules.ts";
import type { Asker } from "./client.ts";
import type { Claim, Verdict } from "./credentials.ts";
import type { Service } from "./service.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";

/** What {@link admit} needs. */
export interface AuthRequest {
  readonly thread: Thread;
  readonly service: Service;
  readonly client: Asker;
  readonly head: RequestHead;
  readonly auth: AuthRules;
  /** With the head as the store and targets are to see it. */
  readonly proceed: (head: RequestHead) => Serving | undefined;
}

/** Goes on with the request, refuses it, or has it wait for its verdict. */
export function admit(request: AuthRequest): Serving | undefined {
  const { thread, auth, head, client, proceed } = request;
  const glance = thread.credentials.glance(
    auth.list,
    head.authorization,
    performance.now(),
  );
  if (glance.kind === "granted")
    return proceed(auth.admitted(head, glance.user));
  if (glance.kind === "pending") return new AuthCheck(request, glance.claim);
  client.own(auth.answerTo(glance));
  return undefined;
}

/** A request while its password is checked; what serves it afterwards follows. */
class AuthCheck implements Serving {
  readonly service: Service;
  readonly startedAtMs = performance.now();
  onOver: (() => void) | undefined;
  readonly #request: AuthRequest;
  readonly #claim: Claim;
  #leave: (() => void) | undefined;
  #instead: Serving | undefined;
  #over = false;
  /** Content that came with the head. */
  #pieces: Buffer[] = [];
  #isWhole = false;

  constructor(request: AuthRequest, claim: Claim) {
    this.service = request.service;
    this.#request = request;
    this.#claim = claim;
  }

  get targetName(): string {
    return this.#instead?.targetName ?? "";
  }

  get cacheWord(): string {
    return this.#instead?.cacheWord ?? "";
  }

  start(): void {
    const { thread, client, head } = this.#request;
    const leave = thread.credentials.check(
      this.#claim,
      client.facts.addressOf(head),
      (verdict) => this.#decide(verdict),
    );
    if (typeof leave !== "function") {
      this.#decide(leave);
      return;
    }
    this.#leave = leave;
    // What is under way is kept; no more is read.
    client.pauseBody();
  }

  #decide(verdict: Verdict): void {
    if (this.#over) return;
    this.#leave = undefined;
    const { auth, client, head, proceed } = this.#request;
    if (verdict.kind !== "granted") {
      client.own(auth.answerTo(verdict));
      this.#settle();
      return;
    }
    const serving = proceed(auth.admitted(head, verdict.user));
    if (serving === undefined) {
      this.#settle();
      return;
    }
    this.#instead = serving;
    serving.onOver = () => this.#settle();
    serving.start();
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const piece of pieces)
      serving.onRequestData(piece, 0, piece.length, true);
    if (this.#isWhole) serving.onRequestEnd();
    else client.resumeBody();
    client.flush();
  }

  abort(): void {
    this.#leave?.();
    if (this.#instead !== undefined) this.#instead.abort();
    else this.#settle();
  }

  sweep(nowMs: number): void {
    this.#instead?.sweep(nowMs);
  }

  // oxlint-disable-next-line eslint/max-params -- as every Serving
  onRequestData(bytes: Buffer, from: number, to: number, kept: boolean): void {
    if (this.#instead !== undefined)
      this.#instead.onRequestData(bytes, from, to, kept);
    else if (!this.#over)
      this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
  }

  onRequestEnd(): void {
    this.#isWhole = true;
    this.#instead?.onRequestEnd();
  }

  onClientDrain(): void {
    this.#instead?.onClientDrain();
  }

  onClientMoved(): void {
    this.#instead?.onClientMoved?.();
  }

  onClientTunnelData(bytes: Buffer, end: number): boolean {
    return this.#instead?.onClientTunnelData(bytes, end) ?? true;
  }

  onClientTunnelEnd(): void {
    this.#instead?.onClientTunnelEnd();
  }

  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#pieces = [];
    this.onOver?.();
  }
}
