import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createServer, connect } from "node:net";

/** Longest wait for a server to accept its first connection, or to end. */
const PATIENCE_MS = 20_000;

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string")
    throw new TypeError("Cannot find a free port");
  return address.port;
}

/** A server in a process of its own, pinned to one core. */
export class ChildServer implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #output = "";

  private constructor(name: string, port: number, child: ChildProcess) {
    this.name = name;
    this.port = port;
    this.#child = child;
    this.#exit = once(child, "close");
    this.#exit.catch(() => {});
    // Asked, not killed: nginx takes its worker along.
    const onExit = () => void child.kill("SIGTERM");
    process.once("exit", onExit);
    child.once("exit", () => process.off("exit", onExit));
    child.on("error", () => {});
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-8192);
      });
  }

  /** Starts it and waits until it accepts connections on `port`. */
  static async start(options: {
    readonly name: string;
    readonly core: number;
    readonly port: number;
    readonly command: string;
    readonly args: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
    /** Its standard output goes here, not to {@link ChildServer.output}. */
    readonly outputFile?: string | undefined;
  }): Promise<ChildServer> {
    const { name, core, port, command, args, env, outputFile } = options;
    const output =
      outputFile === undefined ? "pipe" : openSync(outputFile, "a");
    const child = spawn("taskset", ["-c", String(core), command, ...args], {
      stdio: ["ignore", output, "pipe"],
      env: { ...process.env, ...env },
    });
    if (typeof output === "number") closeSync(output);
    const server = new ChildServer(name, port, child);
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!(await accepts(port))) {
      if (child.exitCode !== null || performance.now() > deadlineMs) {
        await server.stop();
        throw new Error(
          `Cannot start ${name}: nothing answers on port ${port}\n${server.#output}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get output(): string {
    return this.#output;
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE_MS);
    await this.#exit;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
