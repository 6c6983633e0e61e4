import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Opened at a time, so that no listen queue overflows. */
const BATCH = 100;
const PATIENCE_MS = 20_000;

/** Connections that are kept, silent, until all of them are disposed of. */
export class IdleConnections implements Disposable {
  readonly #sockets: Socket[] = [];
  readonly #url: URL;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** Opens so many more, and has one request answered on each. */
  async open(count: number): Promise<void> {
    for (let at = 0; at < count; at += BATCH)
      await Promise.all(
        Array.from({ length: Math.min(BATCH, count - at) }, () => this.#add()),
      );
  }

  /** How many the server has closed meanwhile. */
  get lost(): number {
    return this.#sockets.filter((socket) => socket.closed).length;
  }

  #add(): Promise<void> {
    const { protocol, hostname, port, host, pathname } = this.#url;
    const where = { host: hostname, port: Number(port) };
    return new Promise((resolve, reject) => {
      const socket =
        protocol === "https:"
          ? connectTls({ ...where, rejectUnauthorized: false })
          : connect(where);
      this.#sockets.push(socket);
      const timer = setTimeout(() => {
        reject(new Error(`Cannot open connections to ${host}: no answer`));
      }, PATIENCE_MS);
      let seen = "";
      socket.on("error", reject);
      socket.on("close", () => clearTimeout(timer));
      socket.on("data", (chunk) => {
        seen = (seen + chunk.toString("latin1")).slice(0, 65_536);
        const end = seen.indexOf("\r\n\r\n");
        const length = /\r\ncontent-length: *(\d+)/i.exec(seen)?.[1];
        if (end < 0 || length === undefined) return;
        if (seen.length < end + 4 + Number(length)) return;
        clearTimeout(timer);
        seen = "";
        resolve();
      });
      socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    });
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
