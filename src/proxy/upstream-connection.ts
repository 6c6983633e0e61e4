import { connect } from "node:net";
import {
  type BodyReader,
  bodyReader,
  fieldIdOf,
  parseResponseHead,
  type ResponseHead,
} from "../http/index.ts";
import type { ProxyLimits } from "./options.ts";
import { SecureWire } from "./secure-wire.ts";
import { connectSecurely, isSecure } from "./target-tls.ts";
import type { UpstreamAddress } from "./upstream-address.ts";
import { type InputBuffers, Wire, type WireHandler } from "./wire.ts";

/** Why a connection could not carry an exchange to its end. */
export type UpstreamFault =
  /** Never open: no byte was sent. */
  | "refused"
  /** Never begun: this host has no file, port or memory left for it. */
  | "no-socket"
  | "connect-timed-out"
  /** Closed before the answer was whole. */
  | "cut"
  /** Answered what is not HTTP. */
  | "invalid-response";

/** Who uses a connection for one exchange. Called synchronously. */
export interface UpstreamUser {
  onConnected(): void;
  /** Interim heads come too; 101 makes the connection a tunnel. */
  onHead(head: ResponseHead): void;
  /**
   * The next piece of the answer. `bytes[from..to)` is the message as it came,
   * framing included; `reader` tells what of it is content.
   */
  onContent(bytes: Buffer, from: number, to: number): void;
  /** Content within the last piece, before `onContent` for the piece as a whole. */
  onData(bytes: Buffer, from: number, to: number): void;
  onComplete(reader: BodyReader): void;
  onTunnelData(bytes: Buffer, end: number): void;
  onTunnelEnd(): void;
  onFault(fault: UpstreamFault, detail: string | undefined): void;
  /** Everything that was written has been taken. */
  onUpstreamDrain(): void;
  /** The bytes of one read are dealt with. */
  onTurnEnd(): void;
}

/** What a connection tells its pool. */
export interface UpstreamOwner {
  connectionIdle(connection: UpstreamConnection): void;
  connectionGone(connection: UpstreamConnection): void;
}

/*
 *  connecting ──► idle ◄──────────► busy ──► tunnel
 *      │            │                │  └──► discarding ──► idle
 *      └────────────┴────► closed ◄──┴───────────┘
 */
type State =
  "connecting" | "idle" | "busy" | "discarding" | "tunnel" | "closed";

/** Answers of up to this length are read to their end to keep the connection. */
const MAX_DISCARD_BYTES = 65_536;
/** From this length on an answer is read into a buffer of its own. */
const STREAM_BYTES = 32_768;
const KEEP_ALIVE = fieldIdOf("keep-alive");

function plainWire(input: InputBuffers, address: UpstreamAddress): Wire {
  const { host, port, socketPath } = address;
  return new Wire(input, (onread) => {
    const common = { onread, allowHalfOpen: true };
    return socketPath === undefined
      ? connect({ ...common, host, port, noDelay: true })
      : connect({ ...common, path: socketPath });
  });
}

/** One connection to a target, for one exchange at a time. */
export class UpstreamConnection implements WireHandler {
  readonly wire: Wire;
  /** What went before all else; a connection that began with it is its client's alone. */
  readonly introduction: Buffer | undefined;
  readonly openedAtMs: number;
  idleSinceMs = 0;
  /** The target closes idle connections after this, as far as it said. */
  keepAliveMs = Infinity;
  /** Exchanges begun. */
  uses = 0;
  /** A byte of the present answer has come. */
  answerBegun = false;

  readonly #owner: UpstreamOwner;
  readonly #limits: ProxyLimits;
  #state: State = "connecting";
  #user: UpstreamUser | undefined;
  #method = "GET";
  #head: ResponseHead | undefined;
  #body: BodyReader | undefined;
  #partial: Buffer | undefined;
  #mayReuse = true;
  /** Tells whether an exchange ended, or another began, while it was called. */
  #exchange = 0;

  constructor(
    address: UpstreamAddress,
    options: {
      readonly owner: UpstreamOwner;
      readonly limits: ProxyLimits;
      readonly input: InputBuffers;
      readonly nowMs: number;
      readonly introduction: Buffer | undefined;
    },
  ) {
    const { owner, limits, input, nowMs, introduction } = options;
    this.introduction = introduction;
    this.#owner = owner;
    this.#limits = limits;
    this.openedAtMs = nowMs;
    this.wire = isSecure(address)
      ? new SecureWire(input, connectSecurely(address, introduction))
      : plainWire(input, address);
    this.wire.handler = this;
    const isOpen = this.wire.secure ? "secureConnect" : "connect";
    this.wire.socket.once(isOpen, () => {
      if (this.#state !== "connecting") return;
      if (introduction !== undefined && !this.wire.secure)
        this.wire.write(introduction);
      if (this.#user === undefined) this.#becomeIdle();
      else {
        this.#state = "busy";
        this.#user.onConnected();
      }
    });
  }

  get connecting(): boolean {
    return this.#state === "connecting";
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  get idle(): boolean {
    return this.#state === "idle";
  }

  /** Takes an idle or a connecting connection for one exchange. */
  use(user: UpstreamUser, method: string): void {
    this.#user = user;
    this.#method = method;
    this.#head = undefined;
    this.#body = undefined;
    this.#mayReuse = true;
    this.answerBegun = false;
    this.uses += 1;
    this.#exchange += 1;
    if (this.#state === "idle") this.#state = "busy";
  }

  /** The user wants nothing more; a short rest of the answer is read away. */
  discard(): void {
    this.#user = undefined;
    this.#exchange += 1;
    const length = this.#head?.contentLength ?? -1;
    if (
      this.#state === "busy" &&
      this.#head?.keepAlive === true &&
      this.#mayReuse &&
      length >= 0 &&
      length <= MAX_DISCARD_BYTES
    )
      this.#state = "discarding";
    else this.destroy();
  }

  /** The request was not sent whole: nothing may follow it. */
  forbidReuse(): void {
    this.#mayReuse = false;
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#user = undefined;
    this.#exchange += 1;
    this.wire.destroy();
    this.#owner.connectionGone(this);
  }

  /** The connection was not accepted in time. */
  connectTimedOut(): void {
    this.#fail("connect-timed-out", undefined);
  }

  onBytes(bytes: Buffer, end: number): void {
    if (this.#state === "busy" || this.#state === "discarding") {
      if (this.wire.holdsText) {
        // To a request that has not left.
        this.#fail("cut", undefined);
        return;
      }
      const user = this.#user;
      this.answerBegun = true;
      this.#read(bytes, end);
      user?.onTurnEnd();
      return;
    }
    if (this.#state === "tunnel") {
      this.#user?.onTunnelData(bytes, end);
      return;
    }
    // Bytes nobody asked for, such as a 408 on an idle connection: whose answer
    // they are cannot be told (RFC 9112 section 9.2).
    this.destroy();
  }

  onEnd(): void {
    if (this.#state === "tunnel") {
      this.#user?.onTunnelEnd();
      return;
    }
    const body = this.#body;
    if (
      this.#state === "busy" &&
      body !== undefined &&
      !body.done &&
      body.close()
    ) {
      const user = this.#user;
      this.#complete(body);
      user?.onTurnEnd();
      return;
    }
    this.#fail("cut", undefined);
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }

  onClose(code: string | undefined): void {
    if (this.#state !== "connecting") this.#fail("cut", code);
    else this.#fail(isOurLack(code) ? "no-socket" : "refused", code);
  }

  /** Reads on from `bytes[0..end)`; heads first, then content. */
  #read(fresh: Buffer, freshEnd: number): void {
    let bytes = fresh;
    let end = freshEnd;
    if (this.#partial !== undefined) {
      bytes = Buffer.concat([this.#partial, fresh.subarray(0, freshEnd)]);
      end = bytes.length;
      this.#partial = undefined;
    }
    let at = 0;
    while (this.#body === undefined) {
      const result = parseResponseHead(
        bytes,
        at,
        end,
        this.#limits,
        this.#method,
      );
      if (result.kind === "incomplete") {
        if (at < end) this.#partial = Buffer.from(bytes.subarray(at, end));
        return;
      }
      if (result.kind === "reject") {
        this.#fail("invalid-response", result.code);
        return;
      }
      at += result.size;
      if (!this.#takeHead(result.head)) return;
      if (this.#state === "tunnel") {
        if (at < end)
          this.#user?.onTunnelData(
            Buffer.from(bytes.subarray(at, end)),
            end - at,
          );
        return;
      }
      // Interim answers may fill a read to its last byte.
      if (this.#body === undefined && at === end) return;
    }
    this.#readContent(bytes, at, end);
  }

  /** False when the exchange is over, or another has begun. */
  #takeHead(head: ResponseHead): boolean {
    const { status } = head;
    if (status === 101 && head.upgrade === undefined) {
      this.#fail("invalid-response", "bad-status");
      return false;
    }
    if (status >= 200) {
      this.#head = head;
      this.#body = bodyReader(head.framing, this.#limits);
      if (!head.keepAlive) this.#mayReuse = false;
      else if (this.uses === 1) this.#readKeepAlive(head);
      const { framing } = head;
      if (
        framing.kind === "until-close" ||
        (framing.kind === "length" && framing.bytes > STREAM_BYTES)
      )
        this.wire.stream(true);
    } else if (status === 101) this.#state = "tunnel";
    const exchange = this.#exchange;
    this.#user?.onHead(head);
    return exchange === this.#exchange || this.#state === "discarding";
  }

  #readContent(bytes: Buffer, from: number, end: number): void {
    const body = this.#body;
    if (body === undefined) return;
    const exchange = this.#exchange;
    let at = from;
    for (;;) {
      const event = body.read(bytes, at, end);
      if (event === "data") {
        this.#user?.onData(bytes, body.dataStart, body.dataEnd);
        at = body.position;
        if (at === end && !body.done) break;
        continue;
      }
      if (event === "reject") {
        this.#fail("invalid-response", body.fault);
        return;
      }
      break;
    }
    const after = body.position;
    if (after > from) this.#user?.onContent(bytes, from, after);
    if (exchange !== this.#exchange && this.#state !== "discarding") return;
    if (body.done) {
      // More than the answer: whatever it is, the connection is not in step.
      if (after < end) this.#mayReuse = false;
      this.#complete(body);
    } else if (body.dataBytes > STREAM_BYTES) this.wire.stream(true);
  }

  #complete(body: BodyReader): void {
    const user = this.#user;
    this.#user = undefined;
    this.#exchange += 1;
    user?.onComplete(body);
    this.wire.stream(false);
    if (!this.#mayReuse || this.wire.pendingBytes > 0) {
      this.destroy();
      return;
    }
    this.wire.resume();
    this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#state = "idle";
    this.#partial = undefined;
    this.#owner.connectionIdle(this);
  }

  #fail(fault: UpstreamFault, detail: string | undefined): void {
    if (this.#state === "closed") return;
    const user = this.#user;
    this.#user = undefined;
    this.#exchange += 1;
    this.destroy();
    user?.onFault(fault, detail);
    user?.onTurnEnd();
  }

  /** `Keep-Alive: timeout=5`: not a standard, and what most servers send. */
  #readKeepAlive(head: ResponseHead): void {
    const index = head.ids.indexOf(KEEP_ALIVE);
    if (index === -1) return;
    const seconds = /timeout=([0-9]{1,6})/i.exec(
      head.fields[index * 2 + 1] ?? "",
    )?.[1];
    if (seconds !== undefined) this.keepAliveMs = Number(seconds) * 1000;
  }
}

/** The target has not even been asked. */
function isOurLack(code: string | undefined): boolean {
  return (
    code === "EMFILE" || // files of this process
    code === "ENFILE" || // files of the system
    code === "EADDRNOTAVAIL" || // ports towards this target
    code === "ENOBUFS" ||
    code === "ENOMEM"
  );
}
