import type { RequestHead } from "../http/index.ts";
import type { ForwardLookup } from "./answer-relay.ts";
import type { Downstream } from "./downstream.ts";
import type { Service } from "./service.ts";
import type { Thread } from "./thread.ts";

/** A request that the cache does not answer alone, and what belongs to it. */
export interface ForwardedRequest {
  readonly thread: Thread;
  readonly client: Downstream;
  readonly service: Service;
  readonly request: RequestHead;
  readonly lookup: ForwardLookup;
}
