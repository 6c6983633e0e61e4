import { Agent, type IncomingHttpHeaders, request } from "node:http";

/** One answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One GET (unless `method` says otherwise), with the answer's body read. */
export function get(
  url: string,
  options: {
    readonly agent?: Agent;
    readonly headers?: Readonly<Record<string, string>>;
    readonly method?: string;
    readonly body?: Uint8Array | string;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: options.agent,
      method: options.method ?? "GET",
      headers: options.headers,
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    outgoing.end(options.body);
  });
}

/** `count` requests over `connections` kept connections, in no fixed order. */
export async function getMany(options: {
  readonly count: number;
  readonly connections: number;
  readonly url: (index: number) => string;
  readonly headers?: Readonly<Record<string, string>>;
}): Promise<readonly Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const answers: Answer[] = [];
  let next = 0;
  const lane = async () => {
    while (next < options.count) {
      const index = next++;
      answers[index] = await get(options.url(index), {
        agent,
        ...(options.headers === undefined ? {} : { headers: options.headers }),
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: options.connections }, lane));
  } finally {
    agent.destroy();
  }
  return answers;
}

/** What a {@link SteadyLoad} saw. */
export interface LoadReport {
  readonly requests: number;
  /** One line for each request that failed or was not answered 200. */
  readonly failures: readonly string[];
}

/** Requests without pause over a few connections, until it is stopped. */
export class SteadyLoad implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #failures: string[] = [];
  readonly #lanes: Promise<void>;
  #requests = 0;
  #sent = 0;
  #stopped = false;
  readonly #waiters = new Set<{ at: number; resolve: () => void }>();

  constructor(options: {
    readonly connections: number;
    readonly url: (index: number) => string;
  }) {
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: options.connections,
    });
    this.#lanes = Promise.all(
      Array.from({ length: options.connections }, () =>
        this.#lane(options.url),
      ),
    ).then(() => {});
  }

  get requests(): number {
    return this.#requests;
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Resolves when `count` more requests have been answered. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.add({ at: this.#requests + count, resolve });
    });
  }

  async stop(): Promise<LoadReport> {
    this.#stopped = true;
    await this.#lanes;
    this.#agent.destroy();
    return { requests: this.#requests, failures: this.#failures };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #lane(url: (index: number) => string): Promise<void> {
    while (!this.#stopped) {
      const target = url(this.#sent++);
      try {
        const { status } = await get(target, { agent: this.#agent });
        if (status !== 200) this.#failures.push(`${status} ${target}`);
      } catch (error) {
        this.#failures.push(`${String(error)} ${target}`);
      }
      this.#count();
    }
  }

  #count(): void {
    this.#requests += 1;
    for (const waiter of this.#waiters) {
      if (this.#requests < waiter.at) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
