import { type Journal, type JournalLevel } from "../base/index.ts";
import { ConfigError } from "../config/index.ts";
import type { ProxyConfig } from "./proxy-config.ts";

/** What a reload may change. */
export interface Reloadable {
  load(): Promise<ProxyConfig>;
  apply(config: ProxyConfig): void;
  setLogLevel(level: JournalLevel): void;
}

/**
 * Reads the configuration again when asked to. A good one is applied as far as
 * a running proxy can; of a bad one each mistake is told, and the last good
 * one stays.
 */
export class ConfigReloader {
  readonly #parts: Reloadable;
  readonly #journal: Journal;
  /** What the process was started with: what needs a restart is compared to it. */
  readonly #started: ProxyConfig;
  #current: ProxyConfig;
  #reloading: Promise<void> = Promise.resolve();

  constructor(
    started: ProxyConfig,
    options: Reloadable & { readonly journal: Journal },
  ) {
    this.#started = started;
    this.#current = started;
    this.#parts = options;
    this.#journal = options.journal;
  }

  /** One at a time, in the order of the calls. Never rejects. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    let next: ProxyConfig;
    try {
      next = await this.#parts.load();
      this.#parts.apply(next);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#parts.setLogLevel(next.settings.log.level);
    const changed = changedKeys(this.#current, next, true);
    const waiting = changedKeys(this.#started, next, false);
    this.#current = next;
    this.#journal({
      level: "info",
      room: "config",
      event: "config-applied",
      message: `The configuration was read again: ${changed.length === 0 ? "nothing that can change at once is new" : `applied ${changed.join(", ")}`}`,
      changed,
    });
    if (waiting.length > 0)
      this.#journal({
        level: "warn",
        room: "config",
        event: "config-needs-restart",
        message: `These settings are new and need a restart: ${waiting.join(", ")}`,
        settings: waiting,
      });
  }

  #refuse(error: unknown): void {
    const problems =
      error instanceof ConfigError ? error.problems : [String(error)];
    for (const problem of problems)
      this.#journal({
        level: "error",
        room: "config",
        event: "config-refused",
        message: `${problem}; the last good configuration stays`,
      });
  }
}

function changedKeys(
  before: ProxyConfig,
  after: ProxyConfig,
  live: boolean,
): readonly string[] {
  const text = (value: unknown) => JSON.stringify(value) ?? "";
  const keys = after.resolved.flatMap(({ setting, value }, index) =>
    setting.live === live && text(value) !== text(before.resolved[index]?.value)
      ? [setting.key]
      : [],
  );
  const hasNewServices = live && text(before.services) !== text(after.services);
  return hasNewServices ? [...keys, "services"] : keys;
}
