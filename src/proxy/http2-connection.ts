import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Client, Dispatch } from "./client.ts";
import { ClientFacts, type ConnectionEnds } from "./client-facts.ts";
import { FrameMeter } from "./frame-meter.ts";
import { Http2Request } from "./http2-request.ts";
import { socketBelow } from "./secure-wire.ts";
import type { Thread } from "./thread.ts";

/** Unanswered PINGs of ours; we send none. */
const MAX_OUTSTANDING_PINGS = 1;
/** Entries of one SETTINGS frame (RFC 9113 section 6.5.2 knows six). */
const MAX_SETTINGS = 32;
/** Malformed frames, and streams above the limit, that a client may send. */
const MAX_INVALID_FRAMES = 100;
const MAX_REJECTED_STREAMS = 100;
/** Four pseudo-fields stand beside the fields of a head. */
const PSEUDO_FIELDS = 4;

/**
 * One HTTP/2 client: a session of nghttp2 below, our routing above. What a
 * client may cost is bounded: streams, header lists, windows and memory by
 * nghttp2 as we tell it, resets and control frames by count (CVE-2023-44487 and
 * its kin), all else by the same times as HTTP/1.1.
 */
export class Http2Connection implements Client {
  readonly facts: ClientFacts;
  readonly #thread: Thread;
  readonly #dispatch: Dispatch;
  readonly #onGone: (client: Client) => void;
  readonly #socket: TLSSocket;
  readonly #session: ServerHttp2Session;
  readonly #requests = new Set<Http2Request>();
  readonly #resets: FrameMeter;
  readonly #controlFrames: FrameMeter;
  #served = 0;
  #idleSinceMs: number;
  #drainingSinceMs: number | undefined;
  #closingSinceMs: number | undefined;
  #gone = false;

  constructor(
    socket: TLSSocket,
    options: {
      readonly thread: Thread;
      readonly dispatch: Dispatch;
      readonly onGone: (client: Client) => void;
      /** As the PROXY protocol told them. */
      readonly ends: ConnectionEnds | undefined;
    },
  ) {
    const { thread } = options;
    const { limits } = thread;
    this.#socket = socket;
    this.#thread = thread;
    this.#dispatch = options.dispatch;
    this.#onGone = options.onGone;
    this.facts = new ClientFacts({ socket, ends: options.ends }, thread);
    this.#idleSinceMs = thread.coarseMs;
    const intervalMs = limits.http2IntervalMs;
    this.#resets = new FrameMeter({ limit: limits.http2MaxResets, intervalMs });
    this.#controlFrames = new FrameMeter({
      limit: limits.http2MaxControlFrames,
      intervalMs,
    });
    this.#session = performServerHandshake(socket, sessionOptions(thread));
    this.#listen();
  }

  sweep(nowMs: number): void {
    const { limits } = this.#thread;
    for (const request of this.#requests) request.sweep(nowMs);
    if (
      this.#drainingSinceMs !== undefined &&
      nowMs - this.#drainingSinceMs >= limits.drainIdleMs
    )
      this.#leave();
    if (
      this.#closingSinceMs !== undefined &&
      nowMs - this.#closingSinceMs >= limits.stallTimeoutMs &&
      this.#requests.size === 0
    )
      this.destroy();
    else if (
      this.#requests.size === 0 &&
      nowMs - this.#idleSinceMs >= limits.idleTimeoutMs
    )
      this.#leave();
  }

  /**
   * GOAWAY (RFC 9113 section 6.8) goes out before an answer ends, so that a
   * client with one request at a time knows before it sends the next; streams
   * that cross it were not processed and may be sent again. Node cannot announce
   * it without refusing them, so a connection without a request waits for one.
   */
  drain(): void {
    this.#drainingSinceMs ??= this.#thread.coarseMs;
    if (this.#requests.size > 0) this.#leave();
  }

  destroy(): void {
    this.#session.destroy();
    socketBelow(this.#socket)?.destroy();
  }

  #listen(): void {
    const session = this.#session;
    session.on(
      "stream",
      (stream: ServerHttp2Stream, _headers, _flags, fields) => {
        this.#onStream(stream, fields);
      },
    );
    session.on("ping", () => this.#onControlFrame());
    session.on("remoteSettings", () => this.#onControlFrame());
    session.on("error", () => {}); // `close` follows
    session.on("frameError", () => {}); // so does it here
    session.on("close", () => this.#onClose());
    // Whoever sends no more opens no windows either: it is gone.
    this.#socket.once("end", () => this.destroy());
  }

  #onStream(stream: ServerHttp2Stream, fields: readonly string[]): void {
    this.#served += 1;
    const request = new Http2Request(stream, {
      thread: this.#thread,
      facts: this.facts,
      onGone: (gone, wasReset) => this.#onRequestGone(gone, wasReset),
    });
    this.#requests.add(request);
    // Before the answer: see drain().
    if (
      this.#drainingSinceMs !== undefined ||
      this.#served >= this.#thread.limits.maxRequestsPerConnection
    )
      this.#leave();
    request.start(fields, this.#dispatch);
  }

  #onRequestGone(request: Http2Request, wasReset: boolean): void {
    this.#requests.delete(request);
    this.#idleSinceMs = this.#thread.coarseMs;
    if (wasReset && this.#resets.add(performance.now())) this.#calm();
  }

  #onControlFrame(): void {
    if (this.#controlFrames.add(performance.now())) this.#calm();
  }

  /** The client costs more than it may: it is told so and cut off. */
  #calm(): void {
    if (this.#gone || this.#session.destroyed) return;
    const { clientFaults } = this.#thread.totals;
    clientFaults["http2-flood"] = (clientFaults["http2-flood"] ?? 0) + 1;
    this.#session.destroy(
      new Error("The client resets or asks too often"),
      constants.NGHTTP2_ENHANCE_YOUR_CALM,
    );
  }

  #leave(): void {
    if (this.#closingSinceMs !== undefined || this.#gone) return;
    this.#closingSinceMs = this.#thread.coarseMs;
    this.#session.close();
  }

  #onClose(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone(this);
  }
}

function sessionOptions({ limits }: Thread) {
  return {
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.http2MaxStreams,
      maxHeaderListSize: limits.http2MaxHeaderListBytes,
      initialWindowSize: limits.http2WindowBytes,
    },
    maxHeaderListPairs: limits.maxFields + PSEUDO_FIELDS,
    maxSessionMemory: limits.http2SessionMegabytes,
    maxOutstandingPings: MAX_OUTSTANDING_PINGS,
    maxSettings: MAX_SETTINGS,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
    // What stands twice is for our parser to see.
    strictSingleValueFields: false,
  };
}
