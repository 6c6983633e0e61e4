import { type ClientOptions, WebSocket } from "ws";
import { type Close, closed, nextMessage } from "./websocket.ts";

/** Opened at a time. */
const BATCH = 100;

/** One WebSocket of many. */
export interface Member {
  readonly socket: WebSocket;
  /** What the server said first: who it is. */
  readonly server: string;
  /** How it ended; undefined while it is open. */
  close: Close | undefined;
}

/** Many WebSockets to one place, each answered by whoever has it. */
export class WebSocketCrowd implements Disposable {
  readonly members: Member[] = [];

  async join(
    count: number,
    url: string,
    options: ClientOptions = {},
  ): Promise<void> {
    for (let at = 0; at < count; at += BATCH)
      await Promise.all(
        Array.from({ length: Math.min(BATCH, count - at) }, () =>
          this.#add(url, options),
        ),
      );
  }

  get open(): readonly Member[] {
    return this.members.filter(({ close }) => close === undefined);
  }

  /** How many ended with each code. */
  get codes(): Readonly<Record<number, number>> {
    const codes: Record<number, number> = {};
    for (const { close } of this.members)
      if (close !== undefined) codes[close.code] = (codes[close.code] ?? 0) + 1;
    return codes;
  }

  /** How many are at each server. */
  get servers(): ReadonlyMap<string, number> {
    const servers = new Map<string, number>();
    for (const { server } of this.open)
      servers.set(server, (servers.get(server) ?? 0) + 1);
    return servers;
  }

  /** Each that is open says `text` and has it said back; answers how many. */
  async echo(text: string): Promise<number> {
    const members = this.open;
    await Promise.all(
      members.map(async ({ socket }, index) => {
        const echo = nextMessage(socket);
        socket.send(`${text} ${index}`);
        const heard = (await echo).toString();
        if (heard !== `${text} ${index}`)
          throw new Error(`Cannot go on: ${index} heard ${heard}`);
      }),
    );
    return members.length;
  }

  /** Resolves when nobody is at this server any more. */
  async gone(server: string): Promise<void> {
    await Promise.all(
      this.open
        .filter((member) => member.server === server)
        .map(({ socket }) => closed(socket)),
    );
  }

  async #add(url: string, options: ClientOptions): Promise<void> {
    const socket = new WebSocket(url, options);
    // Before it is open: the server speaks first.
    const first = nextMessage(socket);
    socket.on("error", () => {}); // `close` follows, which ends the wait
    const server = (await first).toString();
    const member: Member = { socket, server, close: undefined };
    socket.on("close", (code, reason) => {
      member.close = { code, reason: reason.toString() };
    });
    this.members.push(member);
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.members) socket.terminate();
  }
}
