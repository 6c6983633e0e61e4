import type { BodyReader, RequestHead, ResponseHead } from "../http/index.ts";
import { passOn } from "./answer-writer.ts";
import { AnswerRelay } from "./answer-relay.ts";
import type { Downstream } from "./downstream.ts";
import {
  interimHeadText,
  requestHeadText,
  upgradeHeadText,
} from "./forward-head.ts";
import { Attempts } from "./attempts.ts";
import type { Phase } from "./exchange-phase.ts";
import type { ForwardedRequest } from "./forwarded-request.ts";
import { HeldAnswer } from "./held-answer.ts";
import type { OwnAnswer } from "./own-answer.ts";
import {
  NO_REQUEST_CONTENT,
  RequestBody,
  type RequestContent,
} from "./request-body.ts";
import {
  type AttemptFault,
  failureAnswer,
  isIdempotent,
  NO_TARGET_ANSWER,
} from "./retry.ts";
import type { Service, Waiter } from "./service.ts";
import type { Serving } from "./serving.ts";
import { SilentDownstream } from "./silent-downstream.ts";
import type { Target } from "./target.ts";
import type { Thread } from "./thread.ts";
import type {
  UpstreamConnection,
  UpstreamFault,
  UpstreamUser,
} from "./upstream-connection.ts";

/** One request on its way to a target and its answer on the way back. */
export class Exchange implements Serving, UpstreamUser, Waiter {
  readonly service: Service;
  readonly startedAtMs: number;
  onOver: (() => void) | undefined;
  readonly #thread: Thread;
  #client: Downstream;
  #isOrphan = false;
  readonly #request: RequestHead;
  readonly #relay: AnswerRelay;
  readonly #body: RequestContent;
  readonly #hashKey: string;
  readonly #isRepeatable: boolean;
  #phase: Phase = "choosing";
  readonly #attempts: Attempts;
  #target: Target | undefined;
  #connection: UpstreamConnection | undefined;
  #sentAtMs = 0;
  #movedAtMs = 0;
  readonly #held: HeldAnswer;
  /** Of the present answer: how long its head took, and no listed status. */
  #headMs = 0;
  #isGood = true;
  #probed = false;

  constructor(options: ForwardedRequest) {
    const { thread, client, service, request } = options;
    this.service = service;
    this.startedAtMs = performance.now();
    this.#thread = thread;
    this.#client = client;
    this.#request = request;
    this.#attempts = new Attempts(service, this.startedAtMs);
    this.#relay = new AnswerRelay(options);
    this.#held = new HeldAnswer(client);
    this.#hashKey = service.hashKey(request, client);
    this.#isRepeatable = isIdempotent(request.method);
    this.#body =
      request.framing.kind === "none"
        ? NO_REQUEST_CONTENT
        : new RequestBody(request.framing, {
            holdBytes: thread.limits.heldBodyBytes,
            client,
          });
  }

  get targetName(): string {
    return this.#attempts.tried.at(-1)?.name ?? "";
  }

  get cacheWord(): string {
    return this.#relay.lookup.because;
  }

  start(): void {
    this.#relay.beginFill();
    this.#attempt();
  }

  /** The wait is over: there may be a target now. */
  retryChoice(): void {
    if (this.#phase !== "waiting") return;
    this.#phase = "choosing";
    this.#attempt();
    this.#client.flush();
  }

  abort(): void {
    if (this.#phase === "over") return;
    if (this.#relay.isAwaited) {
      this.#goOnForOthers();
      return;
    }
    this.service.stopWaiting(this);
    this.#relay.abandonFill();
    this.#connection?.destroy();
    this.#settle();
  }

  #goOnForOthers(): void {
    this.#isOrphan = true;
    if (this.#held.holds) this.#committed();
    this.#held.drop();
    this.#client = new SilentDownstream(this.#client.facts);
    this.#relay.client = this.#client;
    this.#thread.keepInBackground(this);
    this.#connection?.wire.resume();
  }

  onRequestData(bytes: Buffer, from: number, to: number, kept: boolean): void {
    // While the content comes, the target cannot be late.
    this.#sentAtMs = this.#movedAtMs = this.#thread.coarseMs;
    this.#body.data(bytes, from, to, kept);
  }

  onRequestEnd(): void {
    this.#body.end();
  }

  onClientDrain(): void {
    this.#movedAtMs = this.#thread.coarseMs;
    this.#connection?.wire.resume();
  }

  onClientTunnelData(bytes: Buffer, end: number): boolean {
    this.#movedAtMs = this.#thread.coarseMs;
    const wire = this.#connection?.wire;
    return wire === undefined || passOn(this.#thread.slab, wire, bytes, end);
  }

  onClientTunnelEnd(): void {
    this.#connection?.wire.end();
  }

  sweep(nowMs: number): void {
    const { waitMs, headTimeoutMs } = this.service.definition.retry;
    const { slowHeadMs, stallTimeoutMs, tunnelIdleMs } = this.#thread.limits;
    const phase = this.#phase;
    const sentForMs = nowMs - this.#sentAtMs;
    const stillForMs = nowMs - this.#movedAtMs;
    if (this.#isOrphan && !this.#relay.isAwaited) this.abort();
    else if (phase === "waiting") {
      if (nowMs - this.startedAtMs >= waitMs) this.#fail(NO_TARGET_ANSWER);
    } else if (phase === "sent") {
      if (sentForMs >= headTimeoutMs) this.#giveUp("head-timed-out");
      else if (sentForMs >= slowHeadMs) this.#probeSlow();
    } else if (phase === "answering") {
      if (this.#relay.isAwaited) this.#connection?.wire.resume();
      if (this.#held.isOverdue(nowMs)) this.#goAhead();
      else if (stillForMs >= stallTimeoutMs) this.#stall();
    } else if (phase === "tunnel" && stillForMs >= tunnelIdleMs) this.#stall();
    // While connecting, the pool's sweep counts.
  }

  /** A short answer that takes its time is not held back any longer. */
  #goAhead(): void {
    this.#held.release();
    this.#committed();
    this.onTurnEnd();
  }

  #attempt(): void {
    const target = this.service.choose({
      tried: this.#attempts.tried,
      key: this.#hashKey,
      fills: this.#relay.fills,
    });
    if (target === undefined) {
      this.#wait();
      return;
    }
    this.#attempts.begin(target);
    this.#target = target;
    target.sent(this.#thread.coarseMs);
    this.#connect(target, false);
  }

  #connect(target: Target, fresh: boolean): void {
    this.#phase = "connecting";
    const connection = target.pool.take(this, {
      method: this.#request.method,
      repeatable: this.#isRepeatable,
      fresh,
    });
    this.#connection = connection;
    if (!connection.connecting) this.#send(connection, target);
  }

  onConnected(): void {
    if (this.#connection !== undefined && this.#target !== undefined)
      this.#send(this.#connection, this.#target);
  }

  #send(connection: UpstreamConnection, target: Target): void {
    this.#phase = "sent";
    this.#sentAtMs = this.#movedAtMs = performance.now();
    const { lookup } = this.#relay;
    const { slab } = this.#thread;
    slab.take(connection.wire);
    slab.text(
      requestHeadText(this.#request, {
        client: this.#client.facts,
        viaName: this.#thread.name,
        validators: lookup.kind === "bypass" ? undefined : lookup.validators,
        targetAuthority: target.authority,
      }),
    );
    this.#body.attach(connection.wire, slab);
  }

  onUpstreamDrain(): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (this.#phase === "tunnel") this.#client.resumeBody();
    else this.#body.drained();
  }

  #wait(): void {
    if (this.#serveStale()) return;
    const { service } = this;
    if (
      service.definition.retry.waitMs === 0 ||
      service.waiting >= this.#thread.limits.maxWaiting
    ) {
      this.#fail(NO_TARGET_ANSWER);
      return;
    }
    this.#phase = "waiting";
    service.wait(this);
  }

  /**
   * Slow is not dead: a request that could be sent elsewhere has its target
   * asked something simple, and moves on only if that fails too.
   */
  #probeSlow(): void {
    const target = this.#target;
    const connection = this.#connection;
    const mayMove = this.#body.held && this.#attempts.anotherTarget;
    if (this.#probed || target === undefined) return;
    if (!this.#isRepeatable || !mayMove) return;
    this.#probed = true;
    void target.probe(this.service).then((ok) => {
      if (ok || this.#phase !== "sent" || this.#connection !== connection)
        return;
      this.#giveUp("cut");
    });
  }

  /** The present target has had its time. */
  #giveUp(fault: AttemptFault): void {
    const target = this.#target;
    this.#connection?.destroy();
    this.#connection = undefined;
    if (target !== undefined)
      this.#thread.targetFailed(this.service, target, "timed-out");
    this.#retryOrFail(fault, undefined);
    this.#client.flush();
  }

  /** Nothing has moved: the target's doing, unless we do not read it. */
  #stall(): void {
    const connection = this.#connection;
    const isClientSlow = connection?.wire.paused === true;
    connection?.destroy();
    if (isClientSlow) this.#cutClient();
    else this.onFault("cut", "stalled");
  }

  onFault(fault: UpstreamFault, detail: string | undefined): void {
    const connection = this.#connection;
    const target = this.#target;
    this.#connection = undefined;
    const isUnseen = this.#held.holds || this.#relay.isHeldBack;
    if (this.#phase === "answering" && isUnseen) {
      this.#held.drop();
      this.#relay.restart();
      this.#phase = "sent";
    }
    if (this.#phase === "answering" || this.#phase === "tunnel") {
      if (target !== undefined && this.#phase === "answering")
        this.#thread.targetFailed(this.service, target, "cut");
      this.#cutClient();
      return;
    }
    if (connection === undefined || target === undefined) return;
    const canRepeat = this.#isRepeatable && this.#body.held;
    if (canRepeat && this.#attempts.isKeepAliveRace(fault, connection)) {
      this.#body.detach();
      this.#connect(target, true);
      return;
    }
    const refused = fault === "refused" || fault === "connect-timed-out";
    const failure = refused ? "refused" : "cut";
    this.#thread.targetFailed(this.service, target, failure);
    this.#retryOrFail(fault, detail);
  }

  /** Never a truncated answer that looks whole. */
  #cutClient(): void {
    this.#relay.abandonFill();
    this.#client.cut();
    this.#settle();
  }

  #retryOrFail(fault: AttemptFault, detail: string | undefined): void {
    if (this.#mayRetry(fault)) this.#attempt();
    else this.#fail(failureAnswer(fault, detail, this.#target?.name));
  }

  /** Takes leave of the present target when another is to be tried. */
  #mayRetry(fault: AttemptFault): boolean {
    const allowed = this.#attempts.mayRetry(fault, {
      idempotent: this.#isRepeatable,
      anySent: this.#phase === "sent",
      bodyHeld: this.#body.held,
    });
    if (!allowed) return false;
    this.#thread.totals.retries += 1;
    this.#leaveTarget();
    return true;
  }

  #leaveTarget(): void {
    this.#body.detach();
    this.#target?.settled();
    this.#target = undefined;
    this.#phase = "choosing";
  }

  #fail(answer: OwnAnswer): void {
    this.service.stopWaiting(this);
    if (this.#serveStale()) return;
    this.#relay.abandonFill();
    this.#client.own(answer);
    this.#settle();
  }

  #serveStale(): boolean {
    if (!this.#relay.serveStale("no-target")) return false;
    this.#settle();
    return true;
  }

  onHead(head: ResponseHead): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (head.status === 101) this.#upgrade(head);
    else if (head.status < 200) this.#interim(head);
    else this.#final(head);
  }

  #interim(head: ResponseHead): void {
    const text = interimHeadText(head, this.#request);
    if (text !== undefined) this.#client.interim(text);
  }

  #final(head: ResponseHead): void {
    const target = this.#target;
    if (target === undefined) return;
    const { statuses } = this.service.definition.retry;
    const isListed = statuses.includes(head.status);
    if (isListed) {
      this.#thread.targetFailed(this.service, target, "listed-status");
      if (this.#mayRetry("listed-status")) {
        this.#discard();
        this.#attempt();
        return;
      }
    }
    this.#headMs = performance.now() - this.#sentAtMs;
    this.#isGood = !isListed;
    if (isListed && this.#relay.serveStale("listed")) {
      this.#countAnswered();
      this.#discard();
      this.#settle();
      return;
    }
    this.#phase = "answering";
    if (!this.#body.ended) this.#connection?.forbidReuse();
    if (this.#isRepeatable && this.#body.held && this.#body.ended)
      this.#held.begin(head, this.#movedAtMs);
    if (!this.#held.holds) this.#committed();
    if (this.#relay.head(head, target) === "ask-again") this.#askAgain();
  }

  /** The client will see this answer: it counts, and no other can follow. */
  #committed(): void {
    this.#countAnswered();
    this.#body.release();
  }

  #countAnswered(): void {
    const target = this.#target;
    if (target === undefined) return;
    target.answered(this.#headMs, this.#isGood);
    this.#thread.targetAnswered(target);
  }

  /** Lets go of the connection; a short rest of the answer is read away. */
  #discard(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (!this.#body.ended) connection?.forbidReuse();
    connection?.discard();
  }

  /** The same once more without the cache, whose conditions misled it. */
  #askAgain(): void {
    this.#discard();
    this.#relay.withoutCache();
    this.#leaveTarget();
    this.#attempts.forget();
    this.#attempt();
  }

  onData(bytes: Buffer, from: number, to: number): void {
    this.#relay.data(bytes, from, to, this.#readsAreKept());
  }

  onContent(bytes: Buffer, from: number, to: number): void {
    this.#movedAtMs = this.#thread.coarseMs;
    this.#held.resume();
    this.#relay.message(bytes, from, to, this.#readsAreKept());
  }

  #readsAreKept(): boolean {
    return this.#connection?.wire.streams === true;
  }

  onTurnEnd(): void {
    if (this.#phase === "over") return;
    if (this.#held.holds && this.#phase === "answering") {
      if (this.#held.keep()) return;
      this.#committed();
    }
    if (!this.#client.flush() && !this.#relay.isAwaited)
      this.#connection?.wire.pause();
  }

  onComplete(_reader: BodyReader): void {
    if (!this.#body.ended) this.#connection?.forbidReuse();
    this.#connection = undefined;
    if (this.#held.holds) {
      this.#held.release();
      this.#committed();
    }
    if (this.#relay.complete() === "ask-again") this.#askAgain();
    else this.#settle();
  }

  #upgrade(head: ResponseHead): void {
    const connection = this.#connection;
    if (this.#request.upgrade === undefined) {
      connection?.destroy();
      this.onFault("invalid-response", "bad-status");
      return;
    }
    this.#target?.answered(performance.now() - this.#sentAtMs, true);
    this.#thread.totals.upgrades += 1;
    this.#relay.abandonFill();
    this.#phase = "tunnel";
    this.#client.upgrade(upgradeHeadText(head));
  }

  onTunnelData(bytes: Buffer, end: number): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (!this.#client.tunnelData(bytes, end)) this.#connection?.wire.pause();
  }

  onTunnelEnd(): void {
    this.#client.tunnelEnd();
  }

  /** Every path ends here, once. */
  #settle(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#attempts.end();
    this.#target?.settled();
    this.#target = undefined;
    this.#connection = undefined;
    this.#body.detach();
    this.onOver?.();
  }
}
