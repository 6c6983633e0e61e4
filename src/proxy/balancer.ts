import type { BalancingPolicy } from "../registry/index.ts";

/** What choosing needs to know of a target. All are cheap reads. */
export interface Candidate {
  readonly name: string;
  /** Above 0. */
  readonly weight: number;
  /** 0 in rotation, 1 failing, 2 refusing connections. */
  ejection(): number;
  /** Running sum of what was sent, in requests of weight 1. */
  score(): number;
  inFlight(): number;
  /** A moving average of the time to a response head. */
  readonly latencyMs: number;
}

/** One request's wishes. */
export interface ChoiceRequest<Target> {
  /** Already tried for this request. */
  readonly tried: readonly Target[];
  /** For `hash`: what the choice depends on. */
  readonly key: string;
  /** Only targets that pass are looked at while one passes. */
  readonly prefer?: ((target: Target) => boolean) | undefined;
  /** Targets that get no request now; while a better one is full none is chosen. */
  readonly isFull?: (target: Target) => boolean;
  /** A target that is not preferred is no way out of a preferred one being full. */
  readonly strict?: boolean;
}

/** Added to the rank of a target that is not preferred; above every rank of health. */
const UNPREFERRED = 8;

/**
 * Chooses the next target for a request.
 *
 * Health comes first: targets in rotation, then failing ones, then those that
 * refuse connections, so the last one left is always used. When less than half
 * are in rotation the failing ones count as healthy: too few would carry the
 * load of all. Within one rank the policy decides.
 */
export class Balancer<Target extends Candidate> {
  readonly #policy: BalancingPolicy;
  readonly #random: () => number;
  #turn = 0;

  constructor(
    policy: BalancingPolicy,
    options: { readonly random?: () => number } = {},
  ) {
    this.#policy = policy;
    this.#random = options.random ?? Math.random;
  }

  choose(
    targets: readonly Target[],
    request: ChoiceRequest<Target>,
  ): Target | undefined {
    const { tried, prefer, isFull } = request;
    if (targets.length === 1 && isFull === undefined) {
      const only = targets[0];
      return only !== undefined && tried.includes(only) ? undefined : only;
    }
    const panic = healthyCount(targets) * 2 < targets.length;
    let best: Target | undefined;
    let bestRank = Infinity;
    let bestCost = Infinity;
    let bestFullHealth = Infinity;
    const start = this.#firstLook(targets.length);
    for (let look = 0; look < targets.length; look++) {
      const target = targets[(start + look) % targets.length];
      if (target === undefined || tried.includes(target)) continue;
      const health = rankOf(target, panic);
      const rank = health + (prefer?.(target) === false ? UNPREFERRED : 0);
      if (isFull?.(target) === true) {
        const counts = request.strict === true ? rank : health;
        bestFullHealth = Math.min(bestFullHealth, counts);
        continue;
      }
      if (rank > bestRank) continue;
      const cost = this.#cost(target, request.key, look);
      if (
        rank < bestRank ||
        cost < bestCost ||
        (cost === bestCost && best !== undefined && lessBusy(target, best))
      ) {
        best = target;
        bestRank = rank;
        bestCost = cost;
      }
    }
    const counts = request.strict === true ? bestRank : bestRank % UNPREFERRED;
    return bestFullHealth < counts ? undefined : best;
  }

  /** Where the walk begins; matters for `round-robin` alone. */
  #firstLook(count: number): number {
    if (this.#policy !== "round-robin") return 0;
    this.#turn = (this.#turn + 1) % count;
    return this.#turn;
  }

  /** The lowest wins within a rank. */
  #cost(target: Target, key: string, look: number): number {
    switch (this.#policy) {
      case "least-requests":
        return target.score();
      case "round-robin":
        return look;
      case "p2c":
        return this.#powerOfTwo(target);
      case "hash":
        return rendezvous(target, key);
      default:
        return this.#policy satisfies never;
    }
  }

  /**
   * Each target gets a lottery number and only the two lowest would be compared
   * by load; with few targets the load times a random factor between 1 and 2
   * spreads as well and needs one walk.
   */
  #powerOfTwo(target: Target): number {
    const load =
      ((target.inFlight() + 1) * (target.latencyMs + 1)) / target.weight;
    return load * (1 + this.#random());
  }
}

function lessBusy(one: Candidate, other: Candidate): boolean {
  return one.inFlight() / one.weight < other.inFlight() / other.weight;
}

function rankOf(target: Candidate, panic: boolean): number {
  const ejection = target.ejection();
  return ejection === 1 && panic ? 0 : ejection;
}

function healthyCount(targets: readonly Candidate[]): number {
  let healthy = 0;
  for (const target of targets) if (target.ejection() === 0) healthy += 1;
  return healthy;
}

/**
 * Weighted rendezvous hashing: the target with the lowest -weight⁻¹·ln(hash)
 * wins, so that a target that leaves moves only its own keys.
 */
function rendezvous(target: Candidate, key: string): number {
  const unit = (hash32(`${target.name}\n${key}`) + 0.5) / 2 ** 32;
  return -Math.log(unit) / target.weight;
}

/** FNV-1a with a final mix (murmur3's), over UTF-16 code units. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
