import type { Socket } from "node:net";
import { parseProxyHeader, type ProxyEnds } from "../http/index.ts";
import type { Client } from "./client.ts";
import type { Thread } from "./thread.ts";
import type { Wire } from "./wire.ts";

/*
 *             header whole
 *  reading ────────────────► the connection is handed on, with what came behind
 *     │
 *     └─ malformed, missing, too late, or the peer leaves ─► closed
 *
 * Nothing is answered to what is no header: who sends none is not who we wait for.
 */

/** A header is handed on: `ends` as it tells them, and the bytes behind it. */
export type OnProxyHeader = (ends: ProxyEnds | undefined, rest: Buffer) => void;

/** What is read from while a header is awaited. */
interface HeaderSource {
  destroy(): void;
}

/** A connection before the header of the PROXY protocol that it must begin with. */
export class AwaitedHeader implements Client {
  readonly #source: HeaderSource;
  readonly #thread: Thread;
  readonly #onHeader: OnProxyHeader;
  readonly #onGone: (client: Client) => void;
  readonly #sinceMs: number;
  #kept: Buffer = Buffer.alloc(0);
  #done = false;
  #drainingSinceMs = Infinity;

  constructor(
    source: HeaderSource,
    options: {
      readonly thread: Thread;
      readonly onHeader: OnProxyHeader;
      /** Called once, in the end. */
      readonly onGone: (client: Client) => void;
    },
  ) {
    this.#source = source;
    this.#thread = options.thread;
    this.#onHeader = options.onHeader;
    this.#onGone = options.onGone;
    this.#sinceMs = options.thread.coarseMs;
  }

  /** The next bytes; they are not kept beyond the call unless copied. */
  take(bytes: Buffer, end: number): void {
    if (this.#done) return;
    const all =
      this.#kept.length === 0
        ? bytes.subarray(0, end)
        : Buffer.concat([this.#kept, bytes.subarray(0, end)]);
    const result = parseProxyHeader(all, 0, all.length);
    switch (result.kind) {
      case "incomplete":
        this.#kept = Buffer.from(all);
        return;
      case "reject":
        this.#refuse("proxy-header");
        return;
      case "header":
        this.#done = true;
        // Another stands in its place before it goes: a drain is not over.
        this.#onHeader(result.ends, all.subarray(result.size));
        this.#onGone(this);
        return;
      default:
        result satisfies never;
    }
  }

  /** The peer has left, or says no more. */
  left(): void {
    if (this.#done) return;
    this.#done = true;
    this.#source.destroy();
    this.#onGone(this);
  }

  sweep(nowMs: number): void {
    const { headTimeoutMs, drainIdleMs } = this.#thread.limits;
    if (this.#done) return;
    if (nowMs - this.#sinceMs >= headTimeoutMs)
      this.#refuse("proxy-header-timeout");
    else if (nowMs - this.#drainingSinceMs >= drainIdleMs) this.left();
  }

  drain(): void {
    this.#drainingSinceMs = this.#thread.coarseMs;
  }

  destroy(): void {
    this.left();
  }

  #refuse(fault: "proxy-header" | "proxy-header-timeout"): void {
    const { clientFaults } = this.#thread.totals;
    clientFaults[fault] = (clientFaults[fault] ?? 0) + 1;
    this.left();
  }
}

type Options = ConstructorParameters<typeof AwaitedHeader>[1];

/** Reads the header from a wire; who is handed on takes the wire's handler over. */
export function awaitHeaderOnWire(wire: Wire, options: Options): Client {
  const awaited = new AwaitedHeader(wire, options);
  wire.handler = {
    onBytes: (bytes, end) => awaited.take(bytes, end),
    onEnd: () => awaited.left(),
    onDrain: () => {},
    onClose: () => awaited.left(),
  };
  return awaited;
}

/**
 * Reads the header from a socket that has not begun to read. What comes behind
 * it is put back, so that whoever takes the socket (TLS, here) reads it first.
 */
export function awaitHeaderOnSocket(
  socket: Socket,
  options: Omit<Options, "onHeader"> & {
    readonly onHeader: (ends: ProxyEnds | undefined) => void;
  },
): Client {
  const onData = (chunk: Buffer) => awaited.take(chunk, chunk.length);
  const onLeft = () => awaited.left();
  const awaited = new AwaitedHeader(socket, {
    ...options,
    onHeader: (ends, rest) => {
      socket.off("data", onData);
      socket.off("end", onLeft);
      socket.off("close", onLeft);
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      options.onHeader(ends);
    },
  });
  socket.on("error", () => {}); // `close` follows
  socket.on("data", onData);
  socket.on("end", onLeft);
  socket.on("close", onLeft);
  socket.resume();
  return awaited;
}
