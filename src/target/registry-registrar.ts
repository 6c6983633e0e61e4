import { type Clock, type Journal, systemClock } from "../base/index.ts";
import { Registration } from "../registry/index.ts";
import type { ZooKeeper } from "../zookeeper/index.ts";
import type {
  DrainOutcome,
  OpenRegistrar,
  Registrar,
  ReleaseFacts,
  TargetFacts,
} from "./registrar.ts";

type RegistrationSettings = ConstructorParameters<typeof Registration>[1];

/** Opens registrations in the registry behind a ZooKeeper session. */
export function registryRegistrar(
  zookeeper: ZooKeeper,
  options: {
    readonly acl?: RegistrationSettings["acl"];
    readonly journal: Journal;
    readonly clock?: Clock | undefined;
  },
): OpenRegistrar {
  const { acl, journal, clock = systemClock } = options;
  return (facts) =>
    new RegistryRegistrar(
      new Registration(zookeeper, {
        ...facts,
        journal,
        clock,
        ...(acl === undefined ? {} : { acl }),
      }),
      facts,
    );
}

class RegistryRegistrar implements Registrar {
  readonly lost: Promise<unknown>;
  readonly #registration: Registration;
  #now: ReleaseFacts;

  constructor(registration: Registration, facts: TargetFacts) {
    this.#registration = registration;
    this.#now = facts;
    this.lost = this.#standsDown();
  }

  start(): Promise<void> {
    return this.#registration.start();
  }

  async replace(change: ReleaseFacts): Promise<void> {
    const { release, commit } = change;
    if (this.#now.release === release && this.#now.commit === commit) return;
    this.#now = { release, commit };
    await this.#registration.replace({ release, commit });
  }

  async drain(options: {
    readonly signal: AbortSignal;
  }): Promise<DrainOutcome> {
    const { kind } = await this.#registration.drain(options);
    switch (kind) {
      case "acknowledged":
        return "acknowledged";
      case "limit":
        return "timed-out";
      case "unconfirmed":
        return "away";
      default:
        return kind satisfies never;
    }
  }

  close(): Promise<void> {
    return this.#registration.close();
  }

  /** Never settles when the registration is closed by its owner. */
  async #standsDown(): Promise<unknown> {
    for await (const state of this.#registration.state.watch()) {
      if (state.kind === "stood-down")
        return new Error("A newer process of the same server has registered");
    }
    return new Promise(() => {});
  }
}
