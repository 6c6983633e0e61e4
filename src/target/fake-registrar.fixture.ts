import { Latest } from "../base/index.ts";
import type {
  DrainOutcome,
  OpenRegistrar,
  Registrar,
  ReleaseFacts,
  TargetFacts,
} from "./registrar.ts";

/** One step of a registration, in words. */
export type Step = string;

/** A registry that does what the test says, and writes down what it was asked. */
export class FakeRegistry {
  readonly steps = new Latest<readonly Step[]>([]);
  readonly facts: TargetFacts[] = [];
  /** Registrations stand as soon as this resolves. */
  available: Promise<void> = Promise.resolve();
  drained: () => Promise<DrainOutcome> = () => Promise.resolve("acknowledged");
  readonly lost = Promise.withResolvers<unknown>();

  readonly open: OpenRegistrar = (facts) => {
    this.facts.push(facts);
    let current: ReleaseFacts = facts;
    const registrar: Registrar = {
      lost: this.lost.promise,
      start: async () => {
        await this.available;
        this.note(`registered ${facts.name} ${current.release}`);
      },
      replace: (change) => {
        current = change;
        this.note(`replaced ${facts.name} ${change.release}`);
        return Promise.resolve();
      },
      drain: async () => {
        this.note(`draining ${facts.name}`);
        return this.drained();
      },
      close: () => {
        this.note(`closed ${facts.name}`);
        return Promise.resolve();
      },
    };
    return registrar;
  };

  note(step: Step): void {
    this.steps.set([...this.steps.value, step]);
  }

  /** Resolves when `count` steps were taken. */
  async taken(count: number): Promise<readonly Step[]> {
    return this.steps.when((steps) => steps.length >= count);
  }
}
