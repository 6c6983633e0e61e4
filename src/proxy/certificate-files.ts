import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import {
  type Clock,
  errorMessage,
  type Journal,
  systemClock,
  type Timer,
} from "../base/index.ts";
import { certificateNames } from "./certificate-names.ts";
import type { CertificateMaterial, TlsMaterial } from "./worker-messages.ts";

/** One certificate, its chain after it, and its key, both PEM. */
export interface CertificateFilePair {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What opens the tickets of TLS sessions, and how long it has been in use. */
export interface TicketKeys {
  readonly bytes: Uint8Array;
  readonly ageMs: number;
}

/** How often the files are looked at: renewals come once in weeks. */
const POLL_MS = 5000;
/**
 * A ticket lets a client resume without a handshake, and whoever has the key of
 * a ticket can read what follows: it lives as long as Node lets sessions live
 * (RFC 8446 section 4.6.1 allows seven days).
 */
const TICKET_KEY_MS = 12 * 3600 * 1000;
const TICKET_KEY_BYTES = 48;
const DAY_MS = 24 * 3600 * 1000;
const WARN_DAYS = 14;

/**
 * The certificates in files, read once for all workers and again when a file
 * changes. New files that cannot be used leave the last good ones in force.
 */
export class CertificateFiles implements Disposable {
  readonly #pairs: readonly CertificateFilePair[];
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #onChange: (material: TlsMaterial) => void;
  #certificates: readonly CertificateMaterial[] = [];
  #ticketKeys: Uint8Array;
  #ticketKeysSinceMs: number;
  #state = "";
  #timer: Timer | undefined;
  #closed = false;

  private constructor(
    pairs: readonly CertificateFilePair[],
    options: {
      readonly journal: Journal;
      readonly clock?: Clock;
      readonly onChange: (material: TlsMaterial) => void;
      readonly ticketKeys?: TicketKeys | undefined;
    },
  ) {
    this.#pairs = pairs;
    this.#journal = options.journal;
    this.#clock = options.clock ?? systemClock;
    this.#onChange = options.onChange;
    const { ticketKeys } = options;
    const canUse = ticketKeys?.bytes.length === TICKET_KEY_BYTES;
    this.#ticketKeys = canUse
      ? ticketKeys.bytes
      : randomBytes(TICKET_KEY_BYTES);
    this.#ticketKeysSinceMs =
      this.#clock.nowMs() - (canUse ? ticketKeys.ageMs : 0);
  }

  /**
   * Reads the files and watches them from then on; the first pair is for
   * clients that name no server, or one that nobody has.
   * @throws Error when there is none, or one cannot be used
   */
  static async open(
    pairs: readonly CertificateFilePair[],
    options: {
      readonly journal: Journal;
      readonly clock?: Clock;
      /** Called with what has changed, not with what was read at first. */
      readonly onChange: (material: TlsMaterial) => void;
      /** In use already, so that sessions resume. */
      readonly ticketKeys?: TicketKeys | undefined;
    },
  ): Promise<CertificateFiles> {
    const files = new CertificateFiles(pairs, options);
    if (pairs.length === 0)
      throw new Error("Cannot serve TLS: there is no certificate");
    files.#state = await files.#readState();
    files.#certificates = await readPairs(pairs);
    files.#warnOfExpiry();
    files.#watch();
    return files;
  }

  get material(): TlsMaterial {
    return {
      certificates: this.#certificates,
      ticketKeys: this.#ticketKeys,
    };
  }

  get ticketKeys(): TicketKeys {
    return {
      bytes: this.#ticketKeys,
      ageMs: this.#clock.nowMs() - this.#ticketKeysSinceMs,
    };
  }

  /** Reads the files now; answers whether they are in force. */
  async reload(): Promise<boolean> {
    try {
      const state = await this.#readState();
      // Kept even when the files turn out bad: the same are not told twice.
      this.#state = state;
      const certificates = await readPairs(this.#pairs);
      if (this.#closed) return false;
      this.#certificates = certificates;
    } catch (error) {
      this.#journal({
        level: "error",
        room: "proxy",
        event: "certificates-not-read",
        message: `${errorMessage(error)}; the last good certificates stay`,
        error,
      });
      return false;
    }
    this.#warnOfExpiry();
    this.#journal({
      level: "info",
      room: "proxy",
      event: "certificates-read",
      message: `Certificates in force: ${this.#certificates.map(({ names }) => names.join(" ")).join("; ")}`,
    });
    this.#onChange(this.material);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Looks at the files once; for the timer, and for tests. */
  async poll(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#ticketKeysSinceMs >= TICKET_KEY_MS) {
      this.#ticketKeysSinceMs = nowMs;
      this.#ticketKeys = randomBytes(TICKET_KEY_BYTES);
      this.#onChange(this.material);
    }
    if (this.#closed || (await this.#readState()) === this.#state) return;
    await this.reload();
  }

  #watch(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(POLL_MS, () => {
      void this.poll().finally(() => this.#watch());
    });
  }

  /** Changes when any of the files does, through links too. */
  async #readState(): Promise<string> {
    const files = this.#pairs.flatMap(({ certFile, keyFile }) => [
      certFile,
      keyFile,
    ]);
    return (await Promise.all(files.map(fileState))).join(" ");
  }

  #warnOfExpiry(): void {
    for (const { names, notAfterMs } of this.#certificates) {
      const days = Math.floor((notAfterMs - this.#clock.wallMs()) / DAY_MS);
      if (days >= WARN_DAYS) continue;
      this.#journal({
        level: days < 0 ? "error" : "warn",
        room: "proxy",
        event: "certificate-expires",
        message: `The certificate of ${names.join(", ")} ${days < 0 ? "has expired" : `expires in ${days} days`}`,
      });
    }
  }
}

async function fileState(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs}:${size}:${ino}`;
  } catch (error) {
    return errorMessage(error);
  }
}

function readPairs(
  pairs: readonly CertificateFilePair[],
): Promise<CertificateMaterial[]> {
  return Promise.all(pairs.map(readPair));
}

async function readPair(
  pair: CertificateFilePair,
): Promise<CertificateMaterial> {
  const { certFile, keyFile } = pair;
  const [cert, key] = await Promise.all([
    readPem(certFile, "certificate"),
    readPem(keyFile, "key"),
  ]);
  const certificate = parse(certFile, "certificate in PEM", () => {
    createSecureContext({ cert });
    return new X509Certificate(cert);
  });
  const privateKey = parse(keyFile, "private key in PEM without password", () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(
      `Cannot use certificate ${JSON.stringify(certFile)}: ${JSON.stringify(keyFile)} is not its key`,
    );
  return {
    cert,
    key,
    names: certificateNames(certificate),
    notAfterMs: Date.parse(certificate.validTo),
  };
}

async function readPem(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Error(
      `Cannot read ${what} ${JSON.stringify(file)}: ${errorMessage(error)}`,
      { cause: error },
    );
  }
}

function parse<Value>(file: string, what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new Error(
      `Cannot use ${JSON.stringify(file)}: it should be a ${what}`,
      { cause: error },
    );
  }
}
