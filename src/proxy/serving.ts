import type { Service } from "./service.ts";

/** What serves one request of a client for longer than one turn. */
export interface Serving {
  readonly service: Service;
  readonly startedAtMs: number;
  /** Of the last target asked; empty when none was. */
  readonly targetName: string;
  /** Why the cache did not answer alone. */
  readonly cacheWord: string;
  /** Called once, when everything has been let go of. */
  onOver: (() => void) | undefined;
  start(): void;
  /** The client has left, or broke the rules: everything is released at once. */
  abort(): void;
  /** Times that run out. */
  sweep(nowMs: number): void;
  /** The next bytes of the request's content; `kept` as in ContentHow. */
  onRequestData(bytes: Buffer, from: number, to: number, kept: boolean): void;
  /** The request's content is whole. */
  onRequestEnd(): void;
  /** The client takes bytes again. */
  onClientDrain(): void;
  /** The client takes what it was given, though not yet all of it. */
  onClientMoved?(): void;
  /** False when the target takes no more for now. */
  onClientTunnelData(bytes: Buffer, end: number): boolean;
  onClientTunnelEnd(): void;
}
