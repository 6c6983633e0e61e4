import { type ErrorCodeName, errorName } from "../jute/index.ts";

/** Codes that the client itself gives, besides those of servers. */
type ClientCodeName =
  /** The client was closed. */
  | "closed"
  /** More is waiting than `maxQueuedRequests` or `maxQueuedBytes`. */
  | "queue-full"
  /** `timeoutMs` of the request has passed. */
  | "deadline"
  /** `failFast` was asked for and there is no live session. */
  | "not-connected"
  /** The request does not fit into `maxRequestBytes`. */
  | "frame-too-large"
  /** The connect string cannot be read. */
  | "bad-connect-string"
  /** A path that no node can have. */
  | "bad-path"
  /** A server's answer makes no sense for the request. */
  | "bad-reply"
  /** A number that this client does not know; see {@link ZooKeeperError.number}. */
  | "unknown-error";

/** Every value of {@link ZooKeeperError.code}. */
export type ZooKeeperErrorCode = Exclude<ErrorCodeName, "ok"> | ClientCodeName;

/** What became of one operation of a multi that failed as a whole. */
export type FailedMultiResult =
  /** It would have succeeded, and was not done. */
  | { readonly kind: "rolled-back" }
  /** The one because of which nothing was done. */
  | { readonly kind: "failed"; readonly code: ZooKeeperErrorCode }
  /** It comes after the one that failed. */
  | { readonly kind: "not-tried" };

interface ZooKeeperErrorOptions {
  readonly op?: string | undefined;
  readonly path?: string | undefined;
  readonly number?: number | undefined;
  readonly zxid?: bigint | undefined;
  readonly maybeDone?: boolean;
  readonly detail?: string;
  readonly failedIndex?: number;
  readonly results?: readonly FailedMultiResult[];
  readonly cause?: unknown;
}

/**
 * Why an operation failed. `code` is what programs test; `connection-loss`
 * (and `deadline`, when {@link ZooKeeperError.maybeDone}) means that the outcome
 * is unknown: the server may or may not have done it.
 */
export class ZooKeeperError extends Error {
  override readonly name = "ZooKeeperError";
  readonly code: ZooKeeperErrorCode;
  /** The name of the operation, such as `create`. */
  readonly op: string | undefined;
  /** The path as the caller gave it. */
  readonly path: string | undefined;
  /** The server's number of the error. */
  readonly number: number | undefined;
  /** The last transaction that the server had seen, where it answered. */
  readonly zxid: bigint | undefined;
  /** Whether the server may have done the operation. */
  readonly maybeDone: boolean;
  /** The position of the operation because of which a multi failed. */
  readonly failedIndex: number | undefined;
  /** What became of each operation of a multi that failed. */
  readonly results: readonly FailedMultiResult[] | undefined;

  constructor(code: ZooKeeperErrorCode, options: ZooKeeperErrorOptions = {}) {
    super(
      messageOf(code, options),
      "cause" in options ? { cause: options.cause } : undefined,
    );
    this.code = code;
    this.op = options.op;
    this.path = options.path;
    this.number = options.number;
    this.zxid = options.zxid;
    this.maybeDone = options.maybeDone ?? code === "connection-loss";
    this.failedIndex = options.failedIndex;
    this.results = options.results;
  }
}

function messageOf(
  code: ZooKeeperErrorCode,
  options: ZooKeeperErrorOptions,
): string {
  const what = options.op ?? "use ZooKeeper";
  const where =
    options.path === undefined ? "" : ` ${JSON.stringify(options.path)}`;
  const number = code === "unknown-error" ? ` ${options.number ?? ""}` : "";
  const detail = options.detail === undefined ? "" : ` (${options.detail})`;
  return `Cannot ${what}${where}: ${code}${number}${detail}`;
}

/** The code of a number other than 0 that a server gave. */
export function codeOfNumber(number: number): ZooKeeperErrorCode {
  const name = errorName(number);
  return name === "ok" ? "bad-reply" : name;
}
