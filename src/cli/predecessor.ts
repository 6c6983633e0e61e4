import { Buffer } from "node:buffer";
import { closeDescriptor, type TicketKeys } from "../proxy/index.ts";
import {
  type InheritanceMessage,
  type PassedListener,
  PREDECESSOR_VARIABLE,
  readInheritance,
  type SuccessorReport,
} from "./inheritance.ts";

import type { ListenerUse, SocketSource } from "./proxy-listeners.ts";

/** How long the process that started this one may take to say what it leaves. */
const MEETING_MS = 10_000;

/**
 * The process whose place this one takes. Until it is {@link Predecessor.gone},
 * what lies in the data folder, and the port of its keeper, are its own.
 */
export class Predecessor implements SocketSource {
  /** Resolves when it has ended. */
  readonly gone: Promise<void>;
  /** The same; false: this process will never have the data folder. */
  readonly folderIsFree: Promise<boolean>;
  readonly ticketKeys: TicketKeys | undefined;
  readonly #renounced = Promise.withResolvers<boolean>();
  #isReady = false;
  readonly #left: PassedListener[];

  private constructor(inheritance: InheritanceMessage, gone: Promise<void>) {
    this.gone = gone;
    this.folderIsFree = Promise.race([
      gone.then(() => true),
      this.#renounced.promise,
    ]);
    this.#left = [...inheritance.listeners];
    const { ticketKeys } = inheritance;
    this.ticketKeys = ticketKeys && {
      bytes: Buffer.from(ticketKeys.base64, "base64"),
      ageMs: ticketKeys.ageMs,
    };
  }

  /**
   * Hears what the process that started this one leaves to it; undefined where
   * none has started it to that end.
   * @throws Error when it does not say
   */
  static async meet(): Promise<Predecessor | undefined> {
    const isSuccessor = process.env[PREDECESSOR_VARIABLE] !== undefined;
    delete process.env[PREDECESSOR_VARIABLE]; // not for children of ours
    if (!isSuccessor || process.send === undefined) return undefined;
    const gone = new Promise<void>((resolve) => {
      process.once("disconnect", resolve);
    });
    const { promise, resolve, reject } =
      Promise.withResolvers<InheritanceMessage>();
    const onMessage = (message: unknown) => {
      const inheritance = readInheritance(message);
      if (inheritance !== undefined) resolve(inheritance);
    };
    const fail = (why: string) =>
      reject(
        new Error(
          `Cannot take over: the process that is to be replaced ${why}`,
        ),
      );
    const timer = setTimeout(() => fail("says nothing"), MEETING_MS);
    void gone.then(() => fail("has ended"));
    process.on("message", onMessage);
    try {
      send({ kind: "hello" });
      return new Predecessor(await promise, gone);
    } finally {
      clearTimeout(timer);
      process.off("message", onMessage);
      process.channel?.unref();
    }
  }

  /** A listener that was asked for by the same text; each is given once. */
  take(use: ListenerUse, asked: string): PassedListener | undefined {
    const role = use === "admin" ? "admin" : "data";
    const index = this.#left.findIndex(
      (one) => one.role === role && one.asked === asked,
    );
    return index < 0 ? undefined : this.#left.splice(index, 1)[0];
  }

  /** This process serves. What it did not take is closed. */
  ready(): void {
    this.#isReady = true;
    for (const { sockets } of this.#left.splice(0))
      for (const descriptor of sockets.flat()) closeDescriptor(descriptor);
    send({ kind: "ready" });
  }

  /** Unless this process serves, the other one goes on with what it has. */
  renounce(): void {
    if (!this.#isReady) this.#renounced.resolve(false);
  }

  failed(message: string): void {
    send({ kind: "failed", message });
  }
}

function send(report: SuccessorReport): void {
  // Whether it was heard shows in what follows, or in the channel's end.
  if (process.connected) process.send?.(report, undefined, {}, () => {});
}
