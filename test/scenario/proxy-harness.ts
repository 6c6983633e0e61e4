import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import {
  type DataPlane,
  type DataPlaneOptions,
  startDataPlane,
} from "../../src/proxy/index.ts";
import {
  defaultDefinition,
  type ServiceDefinition,
  type ServiceView,
  type Snapshot,
  type TargetView,
} from "../../src/registry/index.ts";

/** What a service is when nobody says otherwise; tests change parts of it. */
export function definition(
  change: Partial<ServiceDefinition> = {},
): ServiceDefinition {
  return {
    ...defaultDefinition,
    hosts: [],
    path: "/",
    policy: "least-requests",
    hash: undefined,
    slowStartMs: 0,
    proxyProtocol: "off",
    cache: {
      enabled: false,
      defaultTtlMs: 120_000,
      heuristic: "last-modified",
      maxEntryBytes: 16_777_216,
    },
    retry: {
      attempts: 3,
      headTimeoutMs: 60_000,
      statuses: [502, 503, 504],
      deadlineMs: 10_000,
      waitMs: 5000,
    },
    health: {
      failures: 5,
      ejectMs: 30_000,
      maxEjectMs: 300_000,
      active: undefined,
    },
    compress: {
      enabled: false,
      minBytes: 1024,
      codings: ["zstd", "br", "gzip"],
      types: [],
    },
    capacity: { perTarget: 0, queue: 1024, queueMs: 5000 },
    rollout: { mode: "mixed", min: 1, skew: "off", pin: undefined },
    access: { allow: [], deny: [] },
    rateLimit: undefined,
    ...change,
  };
}

let nextCzxid = 100n;

/** A target at a port of this machine, as if it had just registered. */
export function targetView(
  port: number,
  change: Partial<TargetView> = {},
): TargetView {
  const czxid = nextCzxid++;
  const service = change.service ?? "www";
  const name = change.name ?? `127.0.0.1:${port}`;
  return {
    service,
    name,
    registration: `${service}/${name}@${czxid.toString(16)}`,
    czxid,
    mzxid: czxid,
    url: `http://127.0.0.1:${port}`,
    host: "127.0.0.1",
    port,
    socketPath: undefined,
    weight: 1,
    release: undefined,
    commit: undefined,
    state: "ready",
    server: undefined,
    life: undefined,
    sinceMs: undefined,
    ...change,
  };
}

export function serviceView(
  targets: readonly TargetView[],
  change: {
    readonly name?: string;
    readonly definition?: Partial<ServiceDefinition>;
    readonly currentRelease?: string;
  } = {},
): ServiceView {
  return {
    name: change.name ?? "www",
    czxid: nextCzxid++,
    definition: definition(change.definition),
    currentRelease: change.currentRelease,
    targets: new Map(targets.map((target) => [target.name, target])),
  };
}

export function snapshot(...services: readonly ServiceView[]): Snapshot {
  return {
    services: new Map(services.map((service) => [service.name, service])),
    appliedZxid: 1n,
    confirmedAtMs: Date.now(),
  };
}

/** A proxy in front of `services`, ready for the first request. */
export async function startProxy(
  services: readonly ServiceView[],
  options: Partial<DataPlaneOptions> = {},
): Promise<{ plane: DataPlane; port: number; url: string }> {
  const plane = await startDataPlane({
    listen: [{ host: "127.0.0.1", port: 0 }],
    workers: 1,
    cacheBytes: 16 * 1024 * 1024,
    ...options,
  });
  plane.replace(snapshot(...services));
  await plane.applied();
  const port = plane.addresses[0]?.port ?? 0;
  return { plane, port, url: `http://127.0.0.1:${port}` };
}

/** A target on `node:http`; port 0 takes a free one. */
export async function startTarget(listener: RequestListener, wanted = 0) {
  const server = createServer({ keepAliveTimeout: 30_000 }, listener);
  server.on("clientError", (_error, socket) => socket.destroy());
  server.listen(wanted, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port =
    typeof address === "object" && address !== null ? address.port : 0;
  return {
    server,
    port,
    view: (change: Partial<TargetView> = {}) => targetView(port, change),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A client that speaks bytes. */
export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    this.socket.on("error", () => this.#end());
    this.socket.on("close", () => this.#end());
    this.socket.on("end", () => this.#end());
    this.socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
  }

  send(text: string | Buffer): this {
    this.socket.write(text, "latin1");
    return this;
  }

  get text(): string {
    return this.#received.toString("latin1");
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when what has come passes `test`; throws when it never will. */
  async until(test: (text: string) => boolean): Promise<string> {
    while (!test(this.text)) {
      if (this.#ended)
        throw new Error(`Connection ended after ${JSON.stringify(this.text)}`);
      await this.#more();
    }
    return this.text;
  }

  /** Everything up to the end of the connection. */
  async all(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
