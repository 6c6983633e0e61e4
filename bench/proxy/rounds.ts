import { type Contender, type Stage, urlOf } from "./contender.ts";
import { FIELD } from "./field.ts";
import {
  checkAnswers,
  measureCpu,
  measureIdle,
  measureLatency,
  saturation,
  type Turn,
  warmUp,
} from "./measure.ts";
import { costOf, type Sample } from "./sample.ts";
import { type Scenario, scenarioRule } from "./scenarios.ts";

/** What is to be measured, and where. */
export interface RoundsPlan {
  readonly stage: Omit<Stage, "accessLog">;
  /** Names in the field. */
  readonly contenders: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

/** What came of it. */
export interface RoundsOutcome {
  readonly samples: readonly Sample[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** Fresh processes for each, so few rounds do. */
const MAX_IDLE_ROUNDS = 3;

/** Every scenario with every contender, interleaved. */
export async function runRounds(plan: RoundsPlan): Promise<RoundsOutcome> {
  const rounds = new Rounds(plan);
  const of = (test: (rule: ReturnType<typeof scenarioRule>) => boolean) =>
    plan.scenarios.filter((scenario) => test(scenarioRule(scenario)));
  await rounds.loaded(
    of((rule) => rule.measure !== "idle" && !rule.accessLog),
    false,
  );
  await rounds.loaded(
    of((rule) => rule.measure !== "idle" && rule.accessLog),
    true,
  );
  for (const scenario of of((rule) => rule.measure === "idle"))
    await rounds.idle(scenario);
  return rounds;
}

class Rounds implements RoundsOutcome {
  readonly samples: Sample[] = [];
  readonly notes: string[] = [];
  readonly #plan: RoundsPlan;
  /** Contender and scenario, of those that failed once. */
  readonly #leftOut = new Set<string>();

  constructor(plan: RoundsPlan) {
    this.#plan = plan;
  }

  /** All contenders run at once, and are loaded in turn. */
  async loaded(
    scenarios: readonly Scenario[],
    accessLog: boolean,
  ): Promise<void> {
    if (scenarios.length === 0) return;
    await using running = new AsyncDisposableStack();
    const contenders: Contender[] = [];
    for (const name of this.#plan.contenders) {
      const contender = await this.#start(name, accessLog);
      if (contender === undefined) continue;
      running.defer(() => contender.stop());
      contenders.push(contender);
    }
    for (const scenario of scenarios)
      for (const contender of contenders)
        await this.#admit(contender, scenario);
    const rates = await this.#rates(contenders, scenarios);
    for (let round = 0; round < this.#plan.rounds; round++)
      for (const scenario of scenarios)
        for (let at = 0; at < contenders.length; at++) {
          // Each round begins with the next contender.
          const contender = contenders[(round + at) % contenders.length];
          if (contender === undefined) continue;
          const rate = rates.get(scenario);
          await this.#take({ contender, scenario, round }, (turn) =>
            rate === undefined ? measureCpu(turn) : measureLatency(turn, rate),
          );
        }
  }

  /** One contender at a time, in a fresh process each round. */
  async idle(scenario: Scenario): Promise<void> {
    const rounds = Math.min(this.#plan.rounds, MAX_IDLE_ROUNDS);
    for (let round = 0; round < rounds; round++)
      for (const name of this.#plan.contenders) {
        const contender = await this.#start(name, false);
        if (contender === undefined) continue;
        try {
          await this.#admit(contender, scenario);
          await this.#take({ contender, scenario, round }, measureIdle);
        } finally {
          await contender.stop();
        }
      }
  }

  async #start(
    name: string,
    accessLog: boolean,
  ): Promise<Contender | undefined> {
    try {
      return await FIELD[name]?.start({ ...this.#plan.stage, accessLog });
    } catch (error) {
      this.#note(name, error);
      return undefined;
    }
  }

  /** Only who gives the right answer is measured. */
  async #admit(contender: Contender, scenario: Scenario): Promise<void> {
    if (urlOf(contender, scenarioRule(scenario)) === undefined) {
      this.#leftOut.add(keyOf(contender, scenario));
      return;
    }
    try {
      await checkAnswers(contender, scenario);
      if (scenarioRule(scenario).measure !== "idle")
        await warmUp({ contender, scenario, shape: this.#shape() });
    } catch (error) {
      this.#leftOut.add(keyOf(contender, scenario));
      this.#note(contender.name, error);
    }
  }

  /**
   * Half of what the first contender that has the scenario can do at most
   * (Zoogate, unless it was left out), for all the same.
   */
  async #rates(
    contenders: readonly Contender[],
    scenarios: readonly Scenario[],
  ): Promise<ReadonlyMap<Scenario, number>> {
    const rates = new Map<Scenario, number>();
    for (const scenario of scenarios) {
      if (scenarioRule(scenario).measure !== "latency") continue;
      const contender = contenders.find(
        (one) => !this.#leftOut.has(keyOf(one, scenario)),
      );
      if (contender === undefined) continue;
      const shape = this.#shape();
      const most = await saturation({ contender, scenario, shape });
      const { connections } = shape;
      // h2load takes a whole number for each connection.
      const rate =
        Math.max(1, Math.round(most / 2 / connections)) * connections;
      rates.set(scenario, rate);
    }
    return rates;
  }

  async #take(
    turn: Omit<Turn, "shape">,
    measure: (turn: Turn) => Promise<Sample>,
  ): Promise<void> {
    const { contender, scenario, round } = turn;
    if (this.#leftOut.has(keyOf(contender, scenario))) return;
    try {
      const sample = await measure({ ...turn, shape: this.#shape() });
      this.samples.push(sample);
      console.error(
        `round ${round + 1}/${this.#plan.rounds}  ${scenario.padEnd(16)}  ${contender.name.padEnd(19)}  ${costOf(sample).toFixed(2)}`,
      );
    } catch (error) {
      this.#leftOut.add(keyOf(contender, scenario));
      this.#note(contender.name, error);
    }
  }

  #shape(): Turn["shape"] {
    const { connections, seconds, stage } = this.#plan;
    return { connections, seconds, loadCore: stage.otherCore };
  }

  #note(name: string, error: unknown): void {
    const [line = ""] = String(error).split("\n");
    this.notes.push(`${name}: ${line}`);
    console.error(
      `!! ${name}: ${error instanceof Error ? error.message : line}`,
    );
  }
}

function keyOf(contender: Contender, scenario: Scenario): string {
  return `${contender.name} ${scenario}`;
}
