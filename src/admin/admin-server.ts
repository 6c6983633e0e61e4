import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { isIP } from "node:net";
import { type Journal, jsonValue } from "../base/index.ts";
import { AdminError } from "./admin-error.ts";
import type { Metric } from "./metric.ts";
import { METRICS_TYPE, metricsText } from "./metrics-text.ts";

/** Whether requests can be answered, and if not, why. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly because: string };

/** What the admin server shows; `cli` satisfies it from the other rooms. */
export interface AdminSources {
  readiness(): Readiness;
  metrics(): Promise<readonly Metric[]>;
  /** JSON of `/api/snapshot`; a Map becomes an object, a bigint a string. */
  snapshot(): unknown;
}

/** How to open an {@link AdminServer}. */
export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  /** A default port in use becomes a free one; a port asked for is an error. */
  readonly orFreePort: boolean;
  /** Of a socket that listens there already. */
  readonly descriptor?: number | undefined;
  readonly sources: AdminSources;
  readonly journal: Journal;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** `/healthz`, `/readyz`, `/metrics` and `/api/snapshot`, on a port of their own. */
export class AdminServer implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    const { address, port } = server.address() as AddressInfo; // it listens on TCP
    this.host = address;
    this.port = port;
    this.#server = server;
  }

  /**
   * Opens the server.
   * @throws AdminError `port-in-use`, `cannot-listen`
   */
  static async open(options: AdminOptions): Promise<AdminServer> {
    const { sources, journal } = options;
    const server = createServer((request, response) => {
      void respond(request, response, { sources, journal });
    });
    server.on("clientError", (_error, socket) => socket.destroy());
    try {
      const { host, port, descriptor } = options;
      await listen(
        server,
        descriptor === undefined ? { host, port } : { fd: descriptor },
      );
    } catch (error) {
      const inUse =
        error instanceof Error &&
        "code" in error &&
        error.code === "EADDRINUSE";
      if (!inUse || !options.orFreePort)
        throw new AdminError(
          inUse ? "port-in-use" : "cannot-listen",
          `Cannot listen for --admin on ${options.host}:${options.port}: ${inUse ? "the port is in use" : "the address cannot be used"}`,
          error,
        );
      await listen(server, { host: options.host, port: 0 });
    }
    server.on("error", (error) => {
      journal({
        level: "error",
        room: "admin",
        event: "server-error",
        message: "The admin server failed",
        error,
      });
    });
    return new AdminServer(server);
  }

  /** What it listens on, for another process to go on with. */
  get server(): Server {
    return this.#server;
  }

  /** Takes no new connection; what is being answered is. */
  retire(): void {
    this.#server.close();
  }

  /** Stops it; open connections are closed. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function listen(
  server: Server,
  where: { host: string; port: number } | { fd: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  context: Pick<AdminOptions, "sources" | "journal">,
): Promise<void> {
  response.on("error", () => response.destroy());
  let answer: Answer;
  try {
    answer = await route(request, context.sources);
  } catch (error) {
    context.journal({
      level: "error",
      room: "admin",
      event: "request-failed",
      message: `Cannot answer ${JSON.stringify(request.url)}`,
      error,
    });
    answer = text(500, "The answer could not be made; see the log");
  }
  response.writeHead(answer.status, {
    "Content-Type": answer.type,
    "Content-Length": Buffer.byteLength(answer.body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...(answer.status === 405 ? { Allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}

async function route(
  request: IncomingMessage,
  sources: AdminSources,
): Promise<Answer> {
  if (!namesThisServer(request.headers.host))
    return text(421, "This server answers to its address and to localhost");
  if (request.method !== "GET" && request.method !== "HEAD")
    return text(405, "Only GET and HEAD are understood");
  const [path] = (request.url ?? "/").split("?");
  switch (path) {
    case "/healthz":
      return text(200, "ok");
    case "/readyz": {
      const readiness = sources.readiness();
      return readiness.ready
        ? text(200, "ready")
        : text(503, `not ready: ${readiness.because}`);
    }
    case "/metrics":
      return {
        status: 200,
        type: METRICS_TYPE,
        body: await metricsText(await sources.metrics()),
      };
    case "/api/snapshot":
      return {
        status: 200,
        type: "application/json",
        body: `${JSON.stringify(sources.snapshot(), jsonValue, 2)}\n`,
      };
    default:
      return text(404, "There are /healthz, /readyz, /metrics, /api/snapshot");
  }
}

/**
 * A page of a stranger's site may point its own host name at this address (DNS
 * rebinding) and read the answers: a name other than localhost is refused.
 */
function namesThisServer(host: string | undefined): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d+$/u, "").replaceAll(/^\[|\]$/gu, "");
  return name === "localhost" || isIP(name) !== 0;
}

function text(status: number, line: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}
