import type { CacheContext, CacheRules } from "../cache/index.ts";
import type { RequestHead } from "../http/index.ts";
import type {
  HashSource,
  ServiceDefinition,
  ServiceHead,
} from "../registry/index.ts";
import { Balancer, type ChoiceRequest } from "./balancer.ts";
import type { ClientFacts } from "./client-facts.ts";
import { Compression } from "./compression.ts";
import { RetryBudget } from "./retry.ts";
import { type ServiceRules, serviceRules } from "./service-rules.ts";
import type { Routable } from "./routing-table.ts";
import { type ServiceGuard, serviceGuard } from "./service-guard.ts";
import type { Target } from "./target.ts";
import type { TargetQueue } from "./target-queue.ts";

/** A request that waits for a target, or for the return of one. */
export interface Waiter {
  /** There may be one now. */
  retryChoice(): void;
}

/** One service as one worker sees it. */
export class Service implements Routable {
  readonly name: string;
  readonly budget = new RetryBudget();
  readonly targets = new Map<string, Target>();
  /** Targets that get requests: neither draining nor gone. */
  rotation: readonly Target[] = [];
  head: ServiceHead;
  /** Compiled from the definition; undefined when it has none. */
  rules: ServiceRules | undefined;
  /** Undefined where anybody may ask as often as he likes. */
  guard: ServiceGuard | undefined;
  /** Undefined when its answers stay as targets send them. */
  compression: Compression | undefined;
  /** What the cache is told of every request; one object, filled in for each. */
  readonly cacheContext: MutableCacheContext;
  #balancer: Balancer<Target>;
  readonly #waiting = new Set<Waiter>();
  /** Requests that wait for a target that may be given one more. */
  readonly queue: TargetQueue;

  constructor(head: ServiceHead, queue: TargetQueue) {
    this.queue = queue;
    this.name = head.name;
    this.head = head;
    this.rules = serviceRules(head.definition);
    this.guard = serviceGuard(head.name, head.definition);
    this.compression = Compression.of(head.definition.compress);
    this.#balancer = new Balancer(head.definition.policy);
    this.cacheContext = {
      service: head.name,
      scheme: "http",
      host: "",
      currentRelease: head.currentRelease,
      rules: rulesOf(head.definition),
      allTargetsDown: true,
    };
  }

  get czxid(): bigint {
    return this.head.czxid;
  }

  get hosts(): readonly string[] {
    return this.head.definition.hosts;
  }

  get path(): string {
    return this.head.definition.path;
  }

  get definition(): ServiceDefinition {
    return this.head.definition;
  }

  replaceHead(head: ServiceHead): void {
    if (head.definition.policy !== this.head.definition.policy)
      this.#balancer = new Balancer(head.definition.policy);
    if (head.definition !== this.head.definition) {
      this.rules = serviceRules(head.definition);
      this.compression = Compression.of(head.definition.compress);
      this.guard = serviceGuard(head.name, head.definition);
    }
    this.head = head;
    this.cacheContext.currentRelease = head.currentRelease;
    this.cacheContext.rules = rulesOf(head.definition);
  }

  /** Called after any change of targets; lets those that wait choose again. */
  targetsChanged(): void {
    const rotation: Target[] = [];
    for (const target of this.targets.values())
      if (target.view.state !== "draining") rotation.push(target);
    this.rotation = rotation;
    this.queue.targetsChanged(rotation, this.definition.capacity.perTarget);
    if (rotation.length > 0) this.wakeWaiters();
  }

  choose(request: {
    readonly tried: readonly Target[];
    readonly key: string;
    readonly fills: boolean;
    /** Its place in the queue, if it stands there; else 0. */
    readonly ticket: number;
  }): Target | undefined {
    const { currentRelease } = this.head;
    // What fills the cache comes from the current release while it has targets;
    // after a cutover everything does.
    const mustMatch =
      currentRelease !== undefined &&
      (request.fills || this.definition.rollout.mode === "cutover");
    const wish = {
      tried: request.tried,
      key: request.key,
      prefer: mustMatch
        ? (target: Target) => target.release === currentRelease
        : undefined,
    };
    return this.isCapped
      ? this.#chooseWithPlace(wish, request.ticket)
      : this.#balancer.choose(this.rotation, wish);
  }

  /** Each target is given so many requests at most. */
  get isCapped(): boolean {
    return this.head.definition.capacity.perTarget > 0;
  }

  /** The same, with a place taken at the target. */
  #chooseWithPlace(
    wish: Pick<ChoiceRequest<Target>, "tried" | "key" | "prefer">,
    ticket: number,
  ): Target | undefined {
    const strict = this.definition.rollout.mode === "cutover";
    const isFull = (target: Target) => this.queue.isFull(target, ticket);
    for (;;) {
      const target = this.#balancer.choose(this.rotation, {
        ...wish,
        strict,
        isFull,
      });
      if (target === undefined || this.queue.take(target)) return target;
    }
  }

  /** What `hash` depends on; empty for the other policies. */
  hashKey(
    request: RequestHead,
    client: { readonly facts: ClientFacts },
  ): string {
    const { policy, hash } = this.definition;
    return policy === "hash" && hash !== undefined
      ? hashText(hash, request, client.facts)
      : "";
  }

  /** Whether no target can be expected to answer. */
  allTargetsDown(): boolean {
    for (const target of this.rotation)
      if (target.ejection() === 0) return false;
    return true;
  }

  /** Whether none of them has accepted a connection since it last refused one. */
  everyTargetRefuses(): boolean {
    for (const target of this.rotation) if (!target.refuses) return false;
    return true;
  }

  get waiting(): number {
    return this.#waiting.size + this.queue.length;
  }

  wait(waiter: Waiter): void {
    this.#waiting.add(waiter);
  }

  stopWaiting(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  wakeWaiters(): void {
    if (this.#waiting.size === 0) return;
    const waiters = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiters) waiter.retryChoice();
  }
}

/** {@link CacheContext} while it is being filled in. */
interface MutableCacheContext extends CacheContext {
  scheme: "http" | "https";
  host: string;
  currentRelease: string | undefined;
  rules: CacheRules;
  allTargetsDown: boolean;
}

function rulesOf(definition: ServiceDefinition): CacheRules {
  return definition.cache;
}

function hashText(
  source: HashSource,
  request: RequestHead,
  facts: ClientFacts,
): string {
  switch (source.kind) {
    case "path":
      return request.path;
    case "address":
      return facts.addressOf(request);
    case "header": {
      for (let index = 0; index < request.fields.length; index += 2)
        if (request.fields[index]?.toLowerCase() === source.name)
          return request.fields[index + 1] ?? "";
      return "";
    }
    case "cookie":
      return cookieValue(request.cookie ?? "", source.name);
    default:
      return source satisfies never;
  }
}

function cookieValue(cookies: string, name: string): string {
  for (const pair of cookies.split(";")) {
    const equals = pair.indexOf("=");
    if (equals !== -1 && pair.slice(0, equals).trim() === name)
      return pair.slice(equals + 1).trim();
  }
  return "";
}
