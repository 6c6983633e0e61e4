import type { Downstream } from "./downstream.ts";
import type { ClientFacts } from "./client-facts.ts";

/** Nobody: for an exchange that only refreshes the cache. */
export class SilentDownstream implements Downstream {
  readonly facts: ClientFacts;

  constructor(facts: ClientFacts) {
    this.facts = facts;
  }

  connectionLine(): string {
    return "";
  }

  flush(): boolean {
    return true;
  }

  tunnelData(): boolean {
    return true;
  }

  interim(): void {}
  begin(): void {}
  content(): void {}
  finish(): void {}
  cut(): void {}
  own(): void {}
  cached(): void {}
  pauseBody(): void {}
  resumeBody(): void {}
  upgrade(): void {}
  tunnelEnd(): void {}
}
