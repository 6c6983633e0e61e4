import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";

/** Where to, and by how many lanes at a time. */
export interface HammerOptions {
  readonly port: number;
  readonly host?: string;
  /** Lanes that open a connection for each request. */
  readonly fresh: number;
  /** Lanes that keep theirs until an answer says close. */
  readonly kept: number;
}

/** What came of it. */
export interface HammerResult {
  readonly answered: number;
  readonly connections: number;
  /** By what was seen: a system's word, a status, or "ended". */
  readonly failures: ReadonlyMap<string, number>;
  readonly slowestMs: number;
}

/** Nothing for so long is a failure: the request was lost. */
const SILENCE_MS = 30_000;
const FRESH = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const KEPT = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD_END = "\r\n\r\n";

/** Asks one request after the other in each lane, and notes whatever is no answer. */
export class ConnectionHammer implements AsyncDisposable {
  readonly #options: HammerOptions;
  readonly #lanes: Promise<void>;
  readonly #failures = new Map<string, number>();
  #answered = 0;
  #connections = 0;
  #slowestMs = 0;
  #stopped = false;

  constructor(options: HammerOptions) {
    this.#options = options;
    this.#lanes = this.#run(options);
  }

  get connections(): number {
    return this.#connections;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Each lane ends with the request it has in work. */
  async stop(): Promise<HammerResult> {
    this.#stopped = true;
    await this.#lanes;
    return {
      answered: this.#answered,
      connections: this.#connections,
      failures: this.#failures,
      slowestMs: this.#slowestMs,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run({ fresh, kept }: HammerOptions): Promise<void> {
    await Promise.all([
      ...Array.from({ length: fresh }, () => this.#lane(FRESH)),
      ...Array.from({ length: kept }, () => this.#lane(KEPT)),
    ]);
  }

  async #lane(request: string): Promise<void> {
    while (!this.#stopped) {
      await this.#connection(request);
      // One that fails at once would let nothing else happen.
      await setImmediate();
    }
  }

  /** One connection from its first byte to its end. */
  #connection(request: string): Promise<void> {
    const { port, host = "127.0.0.1" } = this.#options;
    this.#connections += 1;
    return new Promise((resolve) => {
      const socket = connect({
        port,
        host,
        noDelay: true,
        localAddress: localAddress(this.#connections),
      });
      let text = "";
      let sentMs = performance.now();
      let isAsking = true;
      const over = () => {
        this.#slowestMs = Math.max(this.#slowestMs, performance.now() - sentMs);
      };
      socket.setEncoding("latin1");
      socket.on("connect", () => socket.write(request));
      socket.on("data", (chunk: string) => {
        text += chunk;
        if (!isWhole(text)) return;
        over();
        isAsking = false;
        this.#note(text);
        const goesOn =
          request === KEPT && !this.#stopped && !says(text, "close");
        text = "";
        if (!goesOn) {
          // The server closes; where it does not, the client has to.
          if (request === KEPT) socket.end();
          return;
        }
        isAsking = true;
        sentMs = performance.now();
        socket.write(request);
      });
      socket.setTimeout(SILENCE_MS, () => {
        if (isAsking) this.#fail("silence");
        isAsking = false;
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        if (isAsking) this.#fail(error.code ?? error.message);
        isAsking = false;
      });
      socket.on("close", () => {
        if (isAsking) this.#fail("ended");
        this.#settle(socket, resolve);
      });
    });
  }

  #settle(socket: Socket, resolve: () => void): void {
    socket.destroy();
    resolve();
  }

  #note(text: string): void {
    const status = text.slice(9, 12);
    if (status === "200") this.#answered += 1;
    else this.#fail(`status ${status}`);
  }

  #fail(what: string): void {
    this.#failures.set(what, (this.#failures.get(what) ?? 0) + 1);
  }
}

/** All of 127.0.0.0/8 is this machine on Linux; one address has too few ports. */
function localAddress(count: number): string {
  return `127.0.1.${1 + (count % 200)}`;
}

function isWhole(text: string): boolean {
  const head = text.indexOf(HEAD_END);
  if (head < 0) return false;
  const length = /\r\nContent-Length: (\d+)/iu.exec(text)?.[1];
  return text.length >= head + HEAD_END.length + Number(length ?? 0);
}

function says(text: string, option: string): boolean {
  return text.toLowerCase().includes(`\r\nconnection: ${option}`);
}
