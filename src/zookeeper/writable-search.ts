import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock, Timer } from "../base/index.ts";
import type { TlsOptions } from "./connection.ts";
import type { ServerAddress } from "./connect-string.ts";
import type { Session } from "./session.ts";
import type { SessionFollower } from "./session-options.ts";

const FIRST_MS = 100;
/** As the Java client: a minority may stay one for long. */
const LONGEST_MS = 60_000;
const ANSWER_LIMIT_MS = 1_000;

/**
 * While a session is served read-only, asks the other servers in turn whether
 * they have a quorum, and moves the session to the first that has.
 */
export class WritableSearch implements SessionFollower {
  readonly #session: Session;
  readonly #servers: readonly ServerAddress[];
  readonly #tls: TlsOptions | undefined;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #next = 0;

  constructor(
    session: Session,
    options: {
      readonly servers: readonly ServerAddress[];
      readonly tls: TlsOptions | undefined;
      readonly clock: Clock;
    },
  ) {
    this.#session = session;
    this.#servers = options.servers;
    this.#tls = options.tls;
    this.#clock = options.clock;
  }

  onLive(): void {
    this.#timer?.cancel();
    if (this.#isReadOnly()) this.#searchIn(FIRST_MS);
  }

  onEnd(): void {
    this.#timer?.cancel();
  }

  #isReadOnly(): boolean {
    const { state } = this.#session;
    return state.kind === "live" && state.readOnly;
  }

  #searchIn(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      const server = this.#servers[this.#next % this.#servers.length];
      this.#next += 1;
      if (server === undefined || !this.#isReadOnly()) return;
      void askWhetherWritable(server, this.#tls).then((writable) => {
        if (!this.#isReadOnly()) return;
        if (writable) this.#session.moveTo(server);
        else this.#searchIn(Math.min(LONGEST_MS, delayMs * 2));
      });
    });
  }
}

/** The four-letter word `isro`; false also where there is no answer. */
function askWhetherWritable(
  { host, port }: ServerAddress,
  tls: TlsOptions | undefined,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket =
      tls === undefined
        ? connectTcp({ host, port })
        : connectTls({ host, port, ...tls });
    let answer = "";
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      answer = (answer + chunk.toString("latin1")).slice(0, 8);
    });
    socket.on("close", () => resolve(answer.trim() === "rw"));
    socket.write("isro");
  });
}
