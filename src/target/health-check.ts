import { request } from "node:http";
import { connect, type Socket } from "node:net";
import {
  type Address,
  type Clock,
  delay,
  formatAddress,
  systemClock,
} from "../base/index.ts";
import { localProxyHeader, type ProxyProtocolVersion } from "../http/index.ts";
import { systemErrorCode, TargetError } from "./target-error.ts";

/** How a server is asked whether it is well. */
export type HealthCheck =
  /** It accepts a connection. */
  | { readonly kind: "tcp" }
  /** It answers `GET path` with 200 to 399. */
  | { readonly kind: "http"; readonly path: string };

/** What one check found. */
export type CheckResult =
  | { readonly kind: "good"; readonly address: Address }
  /** Nothing listens: no second look is needed. */
  | { readonly kind: "refused" }
  | {
      readonly kind: "bad";
      readonly because: "timeout" | "cut" | "status" | "unreachable";
      /** For a person. */
      readonly detail: string;
    };

/** Turns of a server's health. */
export type HealthTurn =
  | { readonly kind: "up"; readonly address: Address }
  | { readonly kind: "down"; readonly result: CheckResult };

const TIMEOUT_MS = 2_000;
/** Bad checks in a row that take a server out; a refused one does at once. */
const FALL = 3;
/** While a server is starting. */
const STARTING_INTERVAL_MS = 100;
/** While it is not known to be well. */
const CHANGING_INTERVAL_MS = 1_000;
/** A connection each second is cheap, and a restart must not be missed. */
const TCP_INTERVAL_MS = 1_000;
const HTTP_INTERVAL_MS = 5_000;

/**
 * Reads `tcp` or a path.
 * @throws TargetError `bad-check`
 */
export function parseHealthCheck(text: string): HealthCheck {
  if (text === "tcp") return { kind: "tcp" };
  if (/^\/[\x21-\x7e]*$/u.test(text)) return { kind: "http", path: text };
  throw new TargetError(
    "bad-check",
    `Cannot check ${JSON.stringify(text)}: a check is "tcp" or a path such as "/healthz"`,
  );
}

/** What to check, and where; the addresses are tried in order and one good is enough. */
export interface CheckOptions {
  readonly addresses: readonly Address[];
  readonly check: HealthCheck;
  /** Sent as `Host`, where it is not the address. */
  readonly hostName?: string | undefined;
  /** Each connection begins with a header that speaks for nobody. */
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Checks once. Refused means that every address refused. */
export async function checkOnce(options: CheckOptions): Promise<CheckResult> {
  let worst: CheckResult = { kind: "refused" };
  for (const address of options.addresses) {
    options.signal?.throwIfAborted();
    const { check } = options;
    const result =
      check.kind === "tcp"
        ? await checkTcp(address, options)
        : await checkHttp(address, check.path, options);
    if (result.kind === "good") return result;
    if (result.kind === "bad") worst = result;
  }
  return worst;
}

/**
 * Yields each turn: first `up`, as soon as the server is well, then `down`,
 * then `up` again, and so on, until the signal ends it (it then throws the
 * signal's reason).
 */
export async function* healthTurns(
  options: CheckOptions & { readonly clock?: Clock },
): AsyncGenerator<HealthTurn, never, void> {
  const { clock = systemClock, signal, check } = options;
  const steadyMs = check.kind === "tcp" ? TCP_INTERVAL_MS : HTTP_INTERVAL_MS;
  let up = false;
  let everUp = false;
  let failures = 0;
  for (;;) {
    const result = await checkOnce(options);
    if (result.kind === "good") {
      failures = 0;
      if (!up) yield { kind: "up", address: result.address };
      up = true;
      everUp = true;
    } else {
      failures += 1;
      if (up && (result.kind === "refused" || failures >= FALL)) {
        up = false;
        yield { kind: "down", result };
      }
    }
    const changingMs = everUp ? CHANGING_INTERVAL_MS : STARTING_INTERVAL_MS;
    const waitMs = up && failures === 0 ? steadyMs : changingMs;
    await delay(waitMs, { clock, signal, keepAlive: true });
  }
}

function checkTcp(
  address: Address,
  options: CheckOptions,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = connectTo(address, options);
    const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    const end = (result: CheckResult) => {
      timeout.removeEventListener("abort", onTimeout);
      options.signal?.removeEventListener("abort", onTimeout);
      socket.destroy();
      resolve(result);
    };
    const onTimeout = () => end(timedOut(options));
    timeout.addEventListener("abort", onTimeout, { once: true });
    options.signal?.addEventListener("abort", onTimeout, { once: true });
    socket.on("connect", () => end({ kind: "good", address }));
    socket.on("error", (error) => end(fromError(error, options)));
  });
}

function checkHttp(
  address: Address,
  path: string,
  options: CheckOptions,
): Promise<CheckResult> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const signals = [timeout, options.signal].filter(
    (each) => each !== undefined,
  );
  return new Promise((resolve) => {
    const asked = request({
      createConnection: () => connectTo(address, options),
      path,
      headers: {
        "User-Agent": "zoogate-check",
        Host: options.hostName ?? hostOf(address),
      },
      signal: AbortSignal.any(signals),
    });
    asked.on("error", (error) =>
      resolve(timeout.aborted ? timedOut(options) : fromError(error, options)),
    );
    asked.on("response", (response) => {
      // The head is all that is asked for; an error of the rest is no news.
      response.on("error", () => {});
      response.destroy();
      const status = response.statusCode ?? 0;
      resolve(
        status >= 200 && status < 400
          ? { kind: "good", address }
          : { kind: "bad", because: "status", detail: `it answers ${status}` },
      );
    });
    asked.end();
  });
}

function connectTo(
  { host, port, socketPath }: Address,
  { proxyProtocol }: CheckOptions,
): Socket {
  const socket =
    socketPath === undefined
      ? connect({ host, port })
      : connect({ path: socketPath });
  if (proxyProtocol !== undefined)
    socket.write(localProxyHeader(proxyProtocol));
  return socket;
}

function hostOf(address: Address): string {
  return address.socketPath === undefined
    ? formatAddress(address)
    : "localhost";
}

function timedOut(options: CheckOptions): CheckResult {
  const ms = options.timeoutMs ?? TIMEOUT_MS;
  return {
    kind: "bad",
    because: "timeout",
    detail: `no answer within ${ms} ms`,
  };
}

function fromError(error: Error, options: CheckOptions): CheckResult {
  if (options.signal?.aborted === true) return timedOut(options);
  const code = systemErrorCode(error);
  if (code === "ECONNREFUSED") return { kind: "refused" };
  // There is no such Unix socket yet, or any more.
  if (code === "ENOENT") return { kind: "refused" };
  // An address that this machine does not have (no IPv6) is as good as silent.
  if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT")
    return { kind: "refused" };
  const cut = code === "ECONNRESET" || code === "EPIPE";
  return {
    kind: "bad",
    because: cut ? "cut" : "unreachable",
    detail: code ?? error.message,
  };
}
