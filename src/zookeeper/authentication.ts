import {
  AuthPacket,
  type FrameWriter,
  OpCode,
  RequestHeader,
  Xid,
} from "../jute/index.ts";
import type { AuthEntry } from "./credentials.ts";
import { asBuffer, toBytes } from "./multi.ts";
import { codeOfNumber, ZooKeeperError } from "./zookeeper-error.ts";

interface Credential {
  readonly scheme: string;
  readonly auth: Buffer;
  resolve: (() => void) | undefined;
  reject: ((error: unknown) => void) | undefined;
}

/**
 * The identities of a client. All of them are sent on every connection before
 * any request; one that a server refuses is dropped, since the server closes
 * the connection with its refusal and would do so for ever.
 */
export class Authentication {
  readonly #credentials = new Set<Credential>();
  /** Those sent on the present connection and not answered yet, in order. */
  #unanswered: Credential[] = [];

  constructor(entries: readonly AuthEntry[]) {
    for (const entry of entries) this.#add(entry);
  }

  /** Adds one; resolves when a server has accepted it. */
  add(entry: AuthEntry, frames: FrameWriter | undefined): Promise<void> {
    const credential = this.#add(entry);
    const accepted = new Promise<void>((resolve, reject) => {
      credential.resolve = resolve;
      credential.reject = reject;
    });
    if (frames !== undefined) this.#send(credential, frames);
    return accepted;
  }

  /** Sends all on a new connection. */
  sendAll(frames: FrameWriter): void {
    this.#unanswered = [];
    for (const credential of this.#credentials) this.#send(credential, frames);
  }

  /** Takes the server's answer to the oldest one; the error where it refuses. */
  answered(err: number): ZooKeeperError | undefined {
    const credential = this.#unanswered.shift();
    if (credential === undefined) return undefined;
    if (err === 0) {
      credential.resolve?.();
      return undefined;
    }
    this.#credentials.delete(credential);
    const error = new ZooKeeperError(codeOfNumber(err), {
      op: `authenticate with scheme ${JSON.stringify(credential.scheme)}`,
      number: err,
    });
    credential.reject?.(error);
    return error;
  }

  /** Fails all that wait for an answer. */
  close(): void {
    for (const credential of this.#credentials)
      credential.reject?.(new ZooKeeperError("closed", { op: "authenticate" }));
    this.#credentials.clear();
  }

  #add(entry: AuthEntry): Credential {
    const bytes = toBytes(entry.auth) ?? new Uint8Array();
    const credential: Credential = {
      scheme: entry.scheme,
      auth: asBuffer(bytes),
      resolve: undefined,
      reject: undefined,
    };
    this.#credentials.add(credential);
    return credential;
  }

  #send(credential: Credential, frames: FrameWriter): void {
    const { scheme, auth } = credential;
    const writer = frames.begin();
    RequestHeader.write(writer, { xid: Xid.auth, type: OpCode.auth });
    AuthPacket.write(writer, { type: 0, scheme, auth });
    frames.end();
    this.#unanswered.push(credential);
  }
}
