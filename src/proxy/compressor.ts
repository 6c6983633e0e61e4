import {
  brotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
} from "node:zlib";
import type { Transform } from "node:stream";
import type { ContentCoding } from "../registry/index.ts";

/** Not in every Node 24. */
export const HAS_ZSTD = typeof createZstdCompress === "function";

/*
 * Levels: 64 KB of source text took 0.7, 0.8 and 0.3 ms and became 29 to 30 % of
 * it with each of these; the next level takes half as much again for 1 %. The
 * windows bound what one answer holds to about 1 MB.
 */
const GZIP = { level: 4 };
const BROTLI = {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 4,
    [constants.BROTLI_PARAM_LGWIN]: 18,
  },
};
const ZSTD = {
  params: {
    [constants.ZSTD_c_compressionLevel]: 3,
    [constants.ZSTD_c_windowLog]: 18, // RFC 9659: at most 23
  },
};

/** Content that is there as a whole, in this turn of the loop. */
export function compressNow(content: Buffer, coding: ContentCoding): Buffer {
  switch (coding) {
    case "gzip":
      return gzipSync(content, GZIP);
    case "br":
      return brotliCompressSync(content, BROTLI);
    case "zstd":
      return zstdCompressSync(content, ZSTD);
    default:
      return coding satisfies never;
  }
}

/** The same in a thread beside; `done` is called in a later turn, with undefined when it failed. */
export function compressAside(
  content: Buffer,
  coding: ContentCoding,
  done: (coded: Buffer | undefined) => void,
): void {
  const onEnd = (error: Error | null, coded: Buffer) =>
    done(error === null ? coded : undefined);
  switch (coding) {
    case "gzip":
      gzip(content, GZIP, onEnd);
      return;
    case "br":
      brotliCompress(content, BROTLI, onEnd);
      return;
    case "zstd":
      zstdCompress(content, ZSTD, onEnd);
      return;
    default:
      coding satisfies never;
  }
}

function streamOf(
  coding: ContentCoding,
): Transform & { flush(callback?: () => void): void } {
  switch (coding) {
    case "gzip":
      return createGzip(GZIP);
    case "br":
      return createBrotliCompress(BROTLI);
    case "zstd":
      return createZstdCompress(ZSTD);
    default:
      return coding satisfies never;
  }
}

/** What a {@link Compressor} tells; each in a turn of its own. */
export interface CompressorUser {
  /** Coded content, never changed again; false when no more is wanted for now. */
  onCoded(piece: Buffer): boolean;
  /** What was written has been taken: more may follow. */
  onTaken(): void;
  onCodedEnd(): void;
  onCodingFailed(): void;
}

/** Compresses content as it comes, in threads beside, with bounded memory. */
export class Compressor {
  readonly #stream: ReturnType<typeof streamOf>;
  /** More is written only after `onTaken`. */
  blocked = false;
  /** Written since the last flush. */
  #pending = false;
  #isIdle = false;

  constructor(coding: ContentCoding, user: CompressorUser) {
    const stream = streamOf(coding);
    this.#stream = stream;
    stream.on("data", (piece: Buffer) => {
      if (!user.onCoded(piece)) stream.pause();
    });
    stream.on("drain", () => {
      this.blocked = false;
      user.onTaken();
    });
    stream.on("end", () => user.onCodedEnd());
    stream.on("error", () => user.onCodingFailed());
  }

  /** Copies. */
  write(bytes: Buffer): void {
    this.#pending = true;
    this.#isIdle = false;
    if (!this.#stream.write(Buffer.from(bytes))) this.blocked = true;
  }

  end(): void {
    this.#pending = false;
    this.#stream.end();
  }

  /** More is wanted again. */
  resume(): void {
    this.#stream.resume();
  }

  /** Called now and then: what lies about goes out when nothing has come since. */
  sweep(): void {
    if (!this.#pending || this.blocked) return;
    if (this.#isIdle) {
      this.#pending = false;
      this.#stream.flush();
    }
    this.#isIdle = true;
  }

  /** Nothing more is told. */
  destroy(): void {
    this.#stream.removeAllListeners();
    this.#stream.on("error", () => {});
    this.#stream.destroy();
  }
}
