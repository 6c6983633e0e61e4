import type { IncomingMessage, Server, ServerResponse } from "node:http";

/**
 * Ends a `node:http` server without cutting an answer. Made early, so that it
 * knows of the answers that are under way when the end comes.
 */
export class ServerStop {
  readonly #server: Server;
  #hangUp = false;
  #stopped: Promise<void> | undefined;

  constructor(server: Server) {
    this.#server = server;
    server.prependListener("request", this.#onRequest);
  }

  /** From now on each answer says `Connection: close` (RFC 9112 section 9.6). */
  hangUp(): void {
    this.#hangUp = true;
  }

  /**
   * Stops listening and resolves when the last answer is out; what is left when
   * the signal fires is cut. May be called again.
   */
  stop(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { signal } = options;
    const cut = () => this.#server.closeAllConnections();
    this.#stopped ??= new Promise((resolve) => {
      this.#hangUp = true;
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
    if (signal?.aborted === true) cut();
    else signal?.addEventListener("abort", cut, { once: true });
    return this.#stopped.finally(() =>
      signal?.removeEventListener("abort", cut),
    );
  }

  /** Leaves the server as it was. */
  detach(): void {
    this.#server.off("request", this.#onRequest);
  }

  readonly #onRequest = (
    _request: IncomingMessage,
    response: ServerResponse,
  ): void => {
    if (this.#hangUp && !response.headersSent)
      response.setHeader("Connection", "close");
    response.once("close", () => {
      // An answer that promised keep-alive before the end came leaves its
      // connection idle; it counts as such in the next turn.
      if (this.#stopped !== undefined)
        setImmediate(() => this.#server.closeIdleConnections());
    });
  };
}
