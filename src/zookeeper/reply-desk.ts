import type { Clock, Journal } from "../base/index.ts";
import * as jute from "../jute/index.ts";
import { type Reader, toZxid, type Zxid } from "../jute/index.ts";
import type { Authentication } from "./authentication.ts";
import type { Depot } from "./depot.ts";
import type { AnyRequest } from "./request.ts";
import type { WatchEvent } from "./watch-event.ts";
import type { WatchListener } from "./watch-request.ts";
import type { WatchTable } from "./watch-table.ts";
import { fromServerPath } from "./znode-path.ts";
import { codeOfNumber } from "./zookeeper-error.ts";

const EVENT_KIND = new Map<number, Exclude<WatchEvent["kind"], "re-synced">>([
  [jute.WatchEventType.created, "created"],
  [jute.WatchEventType.deleted, "deleted"],
  [jute.WatchEventType.dataChanged, "data-changed"],
  [jute.WatchEventType.childrenChanged, "children-changed"],
]);

/**
 * Takes every frame after the connect reply and gives it to whom it belongs:
 * a request in flight, a watch, a credential.
 */
export class ReplyDesk {
  readonly #depot: Depot;
  readonly #watches: WatchTable;
  readonly #authentication: Authentication;
  readonly #journal: Journal;
  readonly #onAuthRefused: () => void;
  readonly #context: { zxid: bigint; readonly chroot: string };
  #lastZxid = 0n;
  /** When the pings were sent that are not answered, oldest first. */
  #pingsSentMs: number[] = [];
  #provenMs = 0;
  #onPing: ((zxid: bigint) => void) | undefined;

  constructor(parts: {
    readonly depot: Depot;
    readonly watches: WatchTable;
    readonly authentication: Authentication;
    readonly chroot: string;
    readonly journal: Journal;
    readonly onAuthRefused: () => void;
  }) {
    this.#depot = parts.depot;
    this.#watches = parts.watches;
    this.#authentication = parts.authentication;
    this.#journal = parts.journal;
    this.#onAuthRefused = parts.onAuthRefused;
    this.#context = { zxid: 0n, chroot: parts.chroot };
  }

  /** The highest zxid that a server has answered with. */
  get lastZxid(): Zxid {
    return toZxid(this.#lastZxid);
  }

  /** Starts anew in a new tree, whose zxids have nothing to do with those before. */
  restartZxid(zxid: bigint): void {
    this.#lastZxid = zxid;
  }

  /**
   * When the newest message was sent that a server has answered: the server
   * counts the session's time from no earlier moment.
   */
  get provenMs(): number {
    return this.#provenMs;
  }

  /** A new connection, whose first message was sent then and is answered: what others had under way is void. */
  restart(provenMs: number): void {
    this.#provenMs = provenMs;
    this.#pingsSentMs = [];
    this.#onPing = undefined;
  }

  /** Remembers a ping; `onAnswer` is told the server's zxid. */
  pingSent(clock: Clock, onAnswer?: (zxid: bigint) => void): void {
    this.#pingsSentMs.push(clock.nowMs());
    this.#onPing = onAnswer;
  }

  /** @throws JuteRejection when the frame is none that a server may send */
  take(reader: Reader): void {
    const xid = reader.int();
    const zxid = reader.long();
    const err = reader.int();
    switch (xid) {
      case jute.Xid.notification:
        this.#notify(reader);
        return;
      case jute.Xid.ping:
        this.#takePing(zxid);
        return;
      case jute.Xid.auth:
        this.#takeAuth(err);
        return;
      case jute.Xid.setWatches:
        if (err !== 0) this.#warn("set-watches-refused", codeOfNumber(err));
        return;
      default:
        this.#takeReply(reader, xid, zxid, err);
    }
  }

  /** The session is gone, and its watches with it. */
  tellExpired(): void {
    const { chroot } = this.#context;
    for (const [serverPath, listener] of this.#watches.clear())
      this.#tell(listener, {
        kind: "re-synced",
        path: fromServerPath(chroot, serverPath),
        because: "new-session",
        newTree: false,
      });
  }

  /** Calls a listener, whose failure is its own. */
  #tell(listener: WatchListener, event: WatchEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#journal({
        level: "error",
        room: "zookeeper",
        event: "listener-failed",
        message: `A watch listener on ${JSON.stringify(event.path)} failed`,
        error,
      });
    }
  }

  // eslint-disable-next-line eslint/max-params -- the hot path: no object for each reply
  #takeReply(reader: Reader, xid: number, zxid: bigint, err: number): void {
    const request = this.#depot.takeAnswered(xid);
    if (request === undefined)
      throw new Error(
        `Cannot match a reply: no request in flight has xid ${xid}`,
      );
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    if (request.sentAtMs > this.#provenMs) this.#provenMs = request.sentAtMs;
    if (request.settled) return;
    if (err === 0) this.#answer(request, reader, zxid);
    else this.#refuse(request, err, zxid);
  }

  #answer(request: AnyRequest, reader: Reader, zxid: bigint): void {
    const { watch } = request;
    if (watch !== undefined)
      this.#watches.add(watch.kind, watch.serverPath, watch.listener);
    this.#context.zxid = zxid;
    try {
      request.answer(reader, this.#context);
    } catch (error) {
      request.failWith("bad-reply", { maybeDone: true });
      throw error;
    }
  }

  #refuse(request: AnyRequest, err: number, zxid: bigint): void {
    if (err === jute.ErrorCode["no-node"] && request.answerNoNode()) {
      const { watch } = request;
      if (watch !== undefined)
        this.#watches.add("exist", watch.serverPath, watch.listener);
      return;
    }
    request.failWith(codeOfNumber(err), { number: err, zxid });
  }

  #notify(reader: Reader): void {
    const { type, path: serverPath } = jute.WatcherEvent.read(reader);
    this.#tellAll(type, serverPath);
    const parent = this.#watches.changedParent(type, serverPath);
    if (parent !== undefined)
      this.#tellAll(jute.WatchEventType.childrenChanged, parent);
  }

  #tellAll(type: number, serverPath: string): void {
    const kind = EVENT_KIND.get(type);
    if (kind === undefined) return;
    const listeners = this.#watches.take(type, serverPath);
    if (listeners.length === 0) return;
    const path = fromServerPath(this.#context.chroot, serverPath);
    for (const listener of listeners) this.#tell(listener, { kind, path });
  }

  #takePing(zxid: bigint): void {
    // Pings are answered in their order: this is the oldest one's answer.
    const sentMs = this.#pingsSentMs.shift();
    if (sentMs !== undefined && sentMs > this.#provenMs)
      this.#provenMs = sentMs;
    const onPing = this.#onPing;
    this.#onPing = undefined;
    if (onPing !== undefined) onPing(zxid);
    else if (zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  #takeAuth(err: number): void {
    const error = this.#authentication.answered(err);
    if (error === undefined) return;
    this.#warn("auth-refused", error.message);
    this.#onAuthRefused();
  }

  #warn(event: string, message: string): void {
    this.#journal({ level: "warn", room: "zookeeper", event, message });
  }
}
