import type { RequestHead } from "../http/index.ts";
import type { StoredResponse } from "../cache/index.ts";
import type { Downstream } from "./downstream.ts";
import type { Serving } from "./serving.ts";

/** A client's connection as its thread holds it, whatever it speaks. */
export interface Client {
  /** Times that run out. */
  sweep(nowMs: number): void;
  /** A drain has begun: an idle connection closes, others after their requests. */
  closeIfIdle(): void;
  /** Whatever is going on, it ends. */
  destroy(): void;
}

/** Who asks: the client's side of an exchange before it is known what follows. */
export interface Asker extends Downstream {
  readonly scheme: "http" | "https";
  /** {@link Downstream.cached} with the age known. */
  hit(entry: StoredResponse, ageS: number, statusLine: string): void;
}

/** Decides what becomes of a request: answers it at once, or says who will. */
export type Dispatch = (
  client: Asker,
  head: RequestHead,
) => Serving | undefined;
