import { once } from "node:events";
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from "node:net";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP proxy that stands between a client and a server and can break their connection. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  readonly connectString: string;
  /** Connections made through it so far. */
  readonly connectionCount: number;
  /** Bytes that went from client to server, and back. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Resets all present connections; new ones pass. */
  cut(): void;
  /** Refuses new connections (and resets present ones) until `open`. */
  block(): void;
  open(): void;
  /** Takes bytes and passes none on, as a frozen peer does. */
  freeze(): void;
  thaw(): void;
  /** Sends only so many more bytes to the clients, then resets their connections. */
  cutAfterReceiving(bytes: number): void;
  /** Drops what the server says from now on, and keeps taking what clients say, until the next cut. */
  swallowReplies(): void;
}

/** Starts one before the server on `targetPort` of 127.0.0.1. */
export async function startCuttingProxy(
  targetPort: number,
): Promise<CuttingProxy> {
  const proxy = new Cutter(targetPort);
  await proxy.listen();
  return proxy;
}

class Cutter implements CuttingProxy {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #blocked = false;
  #frozen = false;
  #swallowing = false;
  #remainingBytes: number | undefined;
  connectionCount = 0;
  sentBytes = 0;
  receivedBytes = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => this.#accept(client));
    this.#server.on("error", () => {});
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens on TCP
  }

  get connectString(): string {
    return `127.0.0.1:${this.port}`;
  }

  cut(): void {
    this.#swallowing = false;
    for (const pair of this.#pairs) this.#end(pair);
  }

  block(): void {
    this.#blocked = true;
    this.cut();
  }

  open(): void {
    this.#blocked = false;
  }

  freeze(): void {
    this.#frozen = true;
    for (const { client, server } of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  thaw(): void {
    this.#frozen = false;
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  cutAfterReceiving(bytes: number): void {
    this.#remainingBytes = bytes;
  }

  swallowReplies(): void {
    this.#swallowing = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    client.on("error", () => {});
    if (this.#blocked) {
      client.resetAndDestroy();
      return;
    }
    this.connectionCount += 1;
    const server = connect({ host: "127.0.0.1", port: this.#targetPort });
    server.on("error", () => {});
    client.setNoDelay(true);
    server.setNoDelay(true);
    const pair = { client, server };
    this.#pairs.add(pair);
    client.on("data", (chunk: Buffer) => {
      this.sentBytes += chunk.length;
      server.write(chunk);
    });
    server.on("data", (chunk: Buffer) => this.#passBack(pair, chunk));
    client.on("close", () => this.#end(pair));
    server.on("close", () => this.#end(pair));
    if (this.#frozen) {
      client.pause();
      server.pause();
    }
  }

  #passBack(pair: Pair, chunk: Buffer): void {
    if (this.#swallowing) return;
    const remaining = this.#remainingBytes;
    if (remaining === undefined || chunk.length < remaining) {
      this.receivedBytes += chunk.length;
      if (remaining !== undefined)
        this.#remainingBytes = remaining - chunk.length;
      pair.client.write(chunk);
      return;
    }
    this.#remainingBytes = undefined;
    // What was written is sent before the end.
    pair.client.end(chunk.subarray(0, remaining), () => this.#end(pair));
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.destroy();
    pair.server.destroy();
  }
}
