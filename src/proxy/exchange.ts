import type { BodyReader, RequestHead, ResponseHead } from "../http/index.ts";
import { passOn } from "./answer-writer.ts";
import { AnswerRelay, type RelayHost } from "./answer-relay.ts";
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
import { Patience, type Patient } from "./patience.ts";
import { requestContent, type RequestContent } from "./request-body.ts";
import {
  type AttemptFault,
  failureAnswer,
  NO_PLACE_ANSWER,
  NO_TARGET_ANSWER,
} from "./retry.ts";
import type { Service } from "./service.ts";
import type { ServiceRules } from "./service-rules.ts";
import type { Serving } from "./serving.ts";
import { SilentDownstream } from "./silent-downstream.ts";
import type { Target } from "./target.ts";
import type { Thread } from "./thread.ts";
import type {
  UpstreamConnection,
  UpstreamFault,
  UpstreamUser,
} from "./upstream-connection.ts";
import { isOffered } from "./upgrade-offer.ts";

/** One request on its way to a target and its answer on the way back. */
export class Exchange implements Serving, UpstreamUser, Patient, RelayHost {
  readonly service: Service;
  readonly startedAtMs: number;
  onOver: (() => void) | undefined;
  readonly #thread: Thread;
  #client: Downstream;
  #isOrphan = false;
  readonly #request: RequestHead;
  /** Those under which it began, whatever becomes of the definition. */
  readonly #rules: ServiceRules | undefined;
  readonly #relay: AnswerRelay;
  readonly #body: RequestContent;
  #phase: Phase = "choosing";
  #patience: Patience | undefined;
  readonly #attempts: Attempts;
  #movedAtMs = 0;
  readonly #held: HeldAnswer;
  /** Directions of a tunnel that have ended in order. */
  #endedWays = 0;

  constructor(options: ForwardedRequest) {
    const { thread, client, service, request } = options;
    this.service = service;
    this.startedAtMs = performance.now();
    this.#thread = thread;
    this.#client = client;
    this.#request = request;
    this.#rules = service.rules;
    this.#attempts = new Attempts(
      thread,
      service,
      request,
      client,
      this.startedAtMs,
    );
    this.#relay = new AnswerRelay({ ...options, host: this });
    this.#held = new HeldAnswer(client);
    this.#body = requestContent(request.framing, thread, client);
  }

  get targetName(): string {
    return this.#attempts.targetName;
  }

  get cacheWord(): string {
    return this.#relay.lookup.because;
  }

  start(): void {
    this.#relay.beginFill();
    this.attempt();
  }

  abort(): void {
    if (this.#phase === "over") return;
    if (this.#relay.isAwaited) {
      this.#goOnForOthers();
      return;
    }
    this.#patience?.stop();
    this.#relay.abandonFill();
    // A client that broke off: its target must not take it for an end.
    if (this.#phase === "tunnel" && this.#endedWays < 2)
      this.#attempts.connection?.wire.reset();
    this.#attempts.destroy();
    this.#settle();
  }

  #goOnForOthers(): void {
    this.#isOrphan = true;
    if (this.#held.holds) this.#committed();
    this.#held.drop();
    this.#client = new SilentDownstream(this.#client.facts);
    this.#relay.client = this.#client;
    this.#thread.keepInBackground(this);
    this.#attempts.connection?.wire.resume();
  }

  onRequestData(bytes: Buffer, from: number, to: number, kept: boolean): void {
    // While the content comes, the target cannot be late.
    this.#attempts.sentAtMs = this.#movedAtMs = this.#thread.coarseMs;
    this.#body.data(bytes, from, to, kept);
  }

  onRequestEnd(): void {
    this.#body.end();
  }

  onClientDrain(): void {
    this.#relay.resume();
    this.relayMoved(!this.#relay.blocked);
  }

  relayMoved(reads: boolean): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (reads) this.#attempts.connection?.wire.resume();
  }

  relayOver(outcome: "done" | "ask-again" | "failed"): void {
    if (outcome === "ask-again") this.#askAgain();
    else if (outcome === "done") this.#settle();
    else {
      this.#attempts.destroy();
      this.#cutClient();
    }
    this.#client.flush();
  }

  onClientTunnelData(bytes: Buffer, end: number): boolean {
    this.#movedAtMs = this.#thread.coarseMs;
    this.#thread.totals.bytesFromClients += end;
    const wire = this.#attempts.connection?.wire;
    return wire === undefined || passOn(this.#thread.slab, wire, bytes, end);
  }

  onClientTunnelEnd(): void {
    this.#endedWays += 1;
    this.#attempts.connection?.wire.end();
  }

  sweep(nowMs: number): void {
    const { headTimeoutMs } = this.service.definition.retry;
    const { slowHeadMs, stallTimeoutMs, tunnelIdleMs } = this.#thread.limits;
    const phase = this.#phase;
    const sentForMs = nowMs - this.#attempts.sentAtMs;
    const stillForMs = nowMs - this.#movedAtMs;
    if (this.#isOrphan && !this.#relay.isAwaited) this.abort();
    else if (phase === "waiting") this.#patience?.sweep(nowMs);
    else if (phase === "sent") {
      if (sentForMs >= headTimeoutMs) this.#giveUp("head-timed-out");
      else if (sentForMs >= slowHeadMs) this.#probeSlow();
    } else if (phase === "answering") {
      this.#relay.sweep();
      if (this.#relay.isAwaited && !this.#relay.blocked)
        this.#attempts.connection?.wire.resume();
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

  attempt(): void {
    const attempts = this.#attempts;
    const target = attempts.choose(this.#relay.fills, 0);
    if (target !== undefined) this.#connect(target, false);
    else if (attempts.anotherTarget) this.#wait().forPlace();
    else if (!this.#serveStale("no-target"))
      this.#wait().forTarget(NO_TARGET_ANSWER);
  }

  takePlace(ticket: number): boolean {
    const target = this.#attempts.choose(this.#relay.fills, ticket);
    if (target !== undefined) this.#connect(target, false);
    return target !== undefined;
  }

  flush(): void {
    this.#client.flush();
  }

  #wait(): Patience {
    this.#phase = "waiting";
    return (this.#patience ??= new Patience(this, {
      service: this.service,
      attempts: this.#attempts,
      maxWaiting: this.#thread.limits.maxWaiting,
    }));
  }

  #connect(target: Target, fresh: boolean): void {
    this.#phase = "connecting";
    const connection = this.#attempts.connect(target, this, fresh);
    if (!connection.connecting) this.#send(connection, target);
  }

  onConnected(): void {
    const { connection, target } = this.#attempts;
    if (connection !== undefined && target !== undefined)
      this.#send(connection, target);
  }

  #send(connection: UpstreamConnection, target: Target): void {
    this.#phase = "sent";
    this.#attempts.sentAtMs = this.#movedAtMs = performance.now();
    const { lookup } = this.#relay;
    this.#body.attach(
      connection.wire,
      requestHeadText(this.#request, {
        rules: this.#rules,
        client: this.#client.facts,
        viaName: this.#thread.name,
        validators: lookup.kind === "bypass" ? undefined : lookup.validators,
        targetAuthority: target.authority,
      }),
    );
  }

  onUpstreamDrain(): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (this.#phase === "tunnel") this.#client.resumeBody();
    else this.#body.drained();
  }

  /** A request that could be sent elsewhere moves on if its target is dead. */
  #probeSlow(): void {
    const attempts = this.#attempts;
    if (!attempts.isRepeatable || !this.#body.held || !attempts.anotherTarget)
      return;
    attempts.probeSlow(() => {
      if (this.#phase === "sent") this.#giveUp("cut");
    });
  }

  /** The present target has had its time. */
  #giveUp(fault: AttemptFault): void {
    this.#attempts.destroy();
    this.#attempts.failed("timed-out");
    this.#retryOrFail(fault, undefined);
    this.#client.flush();
  }

  /** Nothing has moved: the target's doing, unless we do not read it. */
  #stall(): void {
    const { connection } = this.#attempts;
    const isClientSlow = connection?.wire.paused !== false;
    connection?.destroy();
    if (isClientSlow) {
      this.#thread.guard.count("reading-too-slow");
      this.#cutClient();
    } else this.onFault("cut", "stalled");
  }

  onFault(fault: UpstreamFault, detail: string | undefined): void {
    const attempts = this.#attempts;
    const { connection, target } = attempts;
    attempts.connection = undefined;
    // Its FIN is on its way to the client, who closes once all has been taken.
    if (this.#phase === "tunnel" && this.#endedWays === 2) return;
    const isUnseen = this.#held.holds || this.#relay.isHeldBack;
    if (this.#phase === "answering" && isUnseen) {
      this.#held.drop();
      this.#relay.restart();
      this.#phase = "sent";
    }
    if (this.#phase === "answering" || this.#phase === "tunnel") {
      if (this.#phase === "answering") attempts.failed("cut");
      this.#cutClient();
      return;
    }
    if (connection === undefined || target === undefined) return;
    const canRepeat = attempts.isRepeatable && this.#body.held;
    if (canRepeat && attempts.isKeepAliveRace(fault, connection)) {
      this.#body.detach();
      this.#connect(target, true);
      return;
    }
    const refused = fault === "refused" || fault === "connect-timed-out";
    if (fault !== "no-socket") attempts.failed(refused ? "refused" : "cut");
    this.#retryOrFail(fault, detail);
  }

  /** Never a truncated answer that looks whole. */
  #cutClient(): void {
    this.#relay.abandonFill();
    this.#client.cut();
    this.#settle();
  }

  #retryOrFail(fault: AttemptFault, detail: string | undefined): void {
    const attempts = this.#attempts;
    if (this.#mayRetry(fault)) {
      this.attempt();
      return;
    }
    const answer = failureAnswer(fault, detail, attempts.target?.name);
    const outlook = attempts.outlook(fault, this.#body.held);
    if (outlook === "none") {
      this.fail(answer);
      return;
    }
    const isAlive = outlook === "once-more" ? attempts.isAlive() : undefined;
    this.#leaveTarget();
    attempts.forget();
    if (isAlive === undefined) this.#wait().forReturn(answer);
    else this.#wait().forOnceMore(isAlive, answer);
  }

  /** Takes leave of the present target when another is to be tried. */
  #mayRetry(fault: AttemptFault): boolean {
    const allowed = this.#attempts.mayRetry(fault, {
      anySent: this.#phase === "sent",
      bodyHeld: this.#body.held,
    });
    if (!allowed) return false;
    this.#leaveTarget();
    return true;
  }

  #leaveTarget(): void {
    this.#body.detach();
    this.#attempts.leave();
    this.#phase = "choosing";
  }

  fail(answer: OwnAnswer): void {
    this.#patience?.stop();
    // A target that is busy is not gone: what is stale needs leave to stand in.
    const why = answer === NO_PLACE_ANSWER ? "listed" : "no-target";
    if (this.#serveStale(why)) return;
    this.#relay.abandonFill();
    this.#client.own(answer);
    this.#settle();
  }

  #serveStale(why: "no-target" | "listed"): boolean {
    if (!this.#relay.serveStale(why)) return false;
    this.#settle();
    return true;
  }

  onHead(head: ResponseHead): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (head.status === 101) this.#upgrade(head);
    else if (head.status >= 200) this.#final(head);
    else {
      const text = interimHeadText(head, this.#request);
      if (text !== undefined) this.#client.interim(text);
    }
  }

  #final(head: ResponseHead): void {
    const attempts = this.#attempts;
    const { target } = attempts;
    if (target === undefined) return;
    const { statuses } = this.service.definition.retry;
    const isListed = statuses.includes(head.status);
    if (isListed) {
      attempts.failed("listed-status");
      if (this.#mayRetry("listed-status")) {
        this.#discard();
        this.attempt();
        return;
      }
    }
    attempts.headCame(!isListed);
    if (
      (isListed && this.#relay.serveStale("listed")) ||
      (head.status >= 500 && this.#relay.replaceError(head))
    ) {
      attempts.countAnswered();
      this.#discard();
      this.#settle();
      return;
    }
    this.#phase = "answering";
    if (!this.#body.ended) attempts.forbidReuse();
    const relayed = this.#relay.head(head, target);
    if (this.#relay.gathers) return; // committed when it is whole
    if (attempts.isRepeatable && this.#body.held && this.#body.ended)
      this.#held.begin(head, this.#movedAtMs);
    if (!this.#held.holds) this.#committed();
    if (relayed === "ask-again") this.#askAgain();
  }

  /** The client will see this answer: it counts, and no other can follow. */
  #committed(): void {
    this.#attempts.countAnswered();
    this.#body.release();
  }

  #discard(): void {
    if (!this.#body.ended) this.#attempts.forbidReuse();
    this.#attempts.discard();
  }

  /** The same once more without the cache, whose conditions misled it. */
  #askAgain(): void {
    this.#discard();
    this.#relay.withoutCache();
    this.#leaveTarget();
    this.#attempts.forget();
    this.attempt();
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
    return this.#attempts.connection?.wire.streams === true;
  }

  onTurnEnd(): void {
    if (this.#phase === "over") return;
    if (this.#held.holds && this.#phase === "answering") {
      if (this.#held.keep()) return;
      this.#committed();
    }
    const isFull = !this.#client.flush() && !this.#relay.isAwaited;
    if (isFull || this.#relay.blocked) this.#attempts.connection?.wire.pause();
  }

  onComplete(_reader: BodyReader): void {
    if (!this.#body.ended) this.#attempts.forbidReuse();
    this.#attempts.connection = undefined;
    if (this.#held.holds || this.#relay.gathers) {
      this.#held.release();
      this.#committed();
    }
    const outcome = this.#relay.complete();
    if (outcome === "done") this.#settle();
    else if (outcome === "ask-again") this.#askAgain();
    else this.#attempts.leave(); // the target has done its part
  }

  #upgrade(head: ResponseHead): void {
    if (!isOffered(this.#request.upgrade, head.upgrade)) {
      this.#attempts.connection?.destroy();
      this.onFault("invalid-response", "bad-status");
      return;
    }
    this.#attempts.upgraded();
    this.#thread.totals.upgrades += 1;
    this.#relay.abandonFill();
    this.#phase = "tunnel";
    this.#client.upgrade(upgradeHeadText(head));
  }

  onTunnelData(bytes: Buffer, end: number): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (!this.#client.tunnelData(bytes, end))
      this.#attempts.connection?.wire.pause();
  }

  onTunnelEnd(): void {
    this.#endedWays += 1;
    this.#client.tunnelEnd();
  }

  /** Every path ends here, once. */
  #settle(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#attempts.end();
    this.#body.detach();
    this.onOver?.();
  }
}
