import type { RequestHead } from "../http/index.ts";
import type { StoredResponse } from "../cache/index.ts";
import type { Downstream } from "./downstream.ts";
import type { ClientFacts } from "./client-facts.ts";
import type { Service } from "./service.ts";
import type { Serving } from "./serving.ts";

/** A client's connection as its thread holds it, whatever it speaks. */
export interface Client {
  /** Undefined before it is known. */
  readonly facts?: ClientFacts;
  /** Times that run out. */
  sweep(nowMs: number): void;
  /**
   * A drain has begun. Whoever has a request in work gets its answer; who has
   * none may send one more for a moment, since it may be on its way already.
   */
  drain(): void;
  /** Whatever is going on, it ends, in a way that looks like no end of an answer. */
  destroy(): void;
}

/** Who asks: the client's side of an exchange before it is known what follows. */
export interface Asker extends Downstream {
  readonly scheme: "http" | "https";
  /** Whose the present request is, once that is known. */
  service: Service | undefined;
  /** {@link Downstream.cached} with the age known. */
  hit(entry: StoredResponse, ageS: number, statusLine: string): void;
}

/** Decides what becomes of a request: answers it at once, or says who will. */
export type Dispatch = (
  client: Asker,
  head: RequestHead,
) => Serving | undefined;
