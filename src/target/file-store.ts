/**
 * Files as they were read. An entity tag is the digest of the very bytes that
 * go out, never of a name or a time: what two replicas share byte for byte they
 * share under one tag, and a file that changes while it is read cannot be sent
 * under the tag of its former content.
 *
 * Digests and small bodies are kept by a signature (device, inode, size, times
 * of content and of inode). A signature is trusted only when the file was last
 * changed clearly before it was read: two writes within one tick of the file
 * system's clock look alike (git calls such entries "racily clean").
 */
import { createHash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

/** Files above this are streamed, and not kept in memory. */
const MAX_BODY_BYTES = 256 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** Coarsest clock seen on file systems with sub-second times is 10 ms. */
const RACY_FINE_MS = 50;
/** File systems that keep whole seconds, FAT every second one. */
const RACY_COARSE_MS = 2_100;

// The path was resolved before: a link in its place now is not followed, and a
// FIFO does not hold up the open.
const OPEN_FLAGS =
  constants.O_RDONLY |
  (constants.O_NOFOLLOW ?? 0) |
  (constants.O_NONBLOCK ?? 0);

/** One file at one moment. Whoever got it calls {@link OpenedFile.close}. */
export interface OpenedFile {
  /** SHA-256 of the content, in hex. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly modified: Date;
  /** The whole content, where it is small. */
  readonly body: Buffer | undefined;
  /** Yields `length` bytes from `start`; throws when the file changed meanwhile, before the last of them are out. */
  read(start: number, length: number): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

interface Known<Value> {
  readonly signature: string;
  readonly value: Value;
}

interface KeptBody {
  readonly digest: string;
  readonly body: Buffer;
  readonly modified: Date;
}

export class FileStore {
  readonly #digests = new Map<string, Known<string>>();
  readonly #pending = new Map<string, Promise<string>>();
  /** In order of last use; by the path as asked for. */
  readonly #bodies = new Map<string, Known<KeptBody>>();
  #bodyBytes = 0;
  readonly #maxMemoryBytes: number;
  readonly #wallMs: () => number;

  constructor(
    options: {
      readonly maxMemoryBytes?: number;
      readonly wallMs?: () => number;
    } = {},
  ) {
    this.#maxMemoryBytes = options.maxMemoryBytes ?? 32 * 1024 * 1024;
    this.#wallMs = options.wallMs ?? Date.now;
  }

  /** Bytes of bodies kept in memory. */
  get memoryBytes(): number {
    return this.#bodyBytes;
  }

  /**
   * The file under `path` when its content is in memory and `path` still leads
   * to the same unchanged inode, at the price of one `stat`.
   */
  async recall(path: string): Promise<OpenedFile | undefined> {
    const kept = this.#bodies.get(path);
    if (kept === undefined) return undefined;
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    if (stats === undefined || signatureOf(stats) !== kept.signature) {
      this.#forgetBody(path);
      return undefined;
    }
    // Most recently used last.
    if (this.#bodies.delete(path)) this.#bodies.set(path, kept);
    return inMemory(kept.value);
  }

  /**
   * Opens the regular file at `realPath`, which holds no links; undefined for
   * anything else. A small content is kept under `keepAs` for {@link recall}.
   * @throws the system's error when it cannot be opened or read
   */
  async open(
    realPath: string,
    options: { readonly keepAs?: string } = {},
  ): Promise<OpenedFile | undefined> {
    const handle = await open(realPath, OPEN_FLAGS);
    try {
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile()) {
        await handle.close();
        return undefined;
      }
      if (stats.size <= MAX_BODY_BYTES) {
        const kept = await this.#readSmall(handle, stats, {
          realPath,
          ...options,
        });
        await handle.close();
        return inMemory(kept);
      }
      const digest = await this.#digestLarge(handle, stats, realPath);
      return streamed(handle, stats, digest);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * The digest of the file at `realPath`, read only when its signature is
   * unknown; undefined for anything but a regular file.
   */
  async digest(realPath: string): Promise<string | undefined> {
    const stats = await stat(realPath, { bigint: true });
    if (!stats.isFile()) return undefined;
    const known = this.#digests.get(realPath);
    if (known !== undefined && known.signature === signatureOf(stats))
      return known.value;
    const file = await this.open(realPath);
    await file?.close();
    return file?.digest;
  }

  /** Forgets the digests of files that are not in `realPaths`. */
  retain(realPaths: ReadonlySet<string>): void {
    for (const path of this.#digests.keys()) {
      if (!realPaths.has(path)) this.#digests.delete(path);
    }
  }

  async #readSmall(
    handle: FileHandle,
    before: BigIntStats,
    paths: { readonly realPath: string; readonly keepAs?: string },
  ): Promise<KeptBody> {
    const readAtMs = this.#wallMs();
    const body = await handle.readFile();
    const after = await handle.stat({ bigint: true });
    const digest = createHash("sha256").update(body).digest("hex");
    const kept = { digest, body, modified: new Date(Number(before.mtimeMs)) };
    const signature = signatureOf(before);
    if (signature === signatureOf(after) && !isRacy(before, readAtMs)) {
      this.#digests.set(paths.realPath, { signature, value: digest });
      if (paths.keepAs !== undefined)
        this.#keepBody(paths.keepAs, { signature, value: kept });
    }
    return kept;
  }

  #digestLarge(
    handle: FileHandle,
    stats: BigIntStats,
    realPath: string,
  ): Promise<string> {
    const signature = signatureOf(stats);
    const known = this.#digests.get(realPath);
    if (known?.signature === signature) return Promise.resolve(known.value);
    const key = `${signature} ${realPath}`;
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const digesting = this.#readLarge(handle, stats, realPath).finally(() =>
      this.#pending.delete(key),
    );
    this.#pending.set(key, digesting);
    return digesting;
  }

  async #readLarge(
    handle: FileHandle,
    stats: BigIntStats,
    realPath: string,
  ): Promise<string> {
    const readAtMs = this.#wallMs();
    const hash = createHash("sha256");
    for await (const chunk of readRange(handle, 0, Number(stats.size)))
      hash.update(chunk);
    const digest = hash.digest("hex");
    const signature = signatureOf(stats);
    const after = await handle.stat({ bigint: true });
    if (signature === signatureOf(after) && !isRacy(stats, readAtMs))
      this.#digests.set(realPath, { signature, value: digest });
    return digest;
  }

  #keepBody(path: string, kept: Known<KeptBody>): void {
    this.#forgetBody(path);
    this.#bodies.set(path, kept);
    this.#bodyBytes += kept.value.body.length;
    for (const oldest of this.#bodies.keys()) {
      if (this.#bodyBytes <= this.#maxMemoryBytes) break;
      this.#forgetBody(oldest);
    }
  }

  #forgetBody(path: string): void {
    const kept = this.#bodies.get(path);
    if (kept === undefined) return;
    this.#bodies.delete(path);
    this.#bodyBytes -= kept.value.body.length;
  }
}

function inMemory(kept: KeptBody): OpenedFile {
  const { digest, body, modified } = kept;
  return {
    digest,
    sizeBytes: body.length,
    modified,
    body,
    async *read(start, length) {
      yield body.subarray(start, start + length);
    },
    close: () => Promise.resolve(),
  };
}

function streamed(
  handle: FileHandle,
  stats: BigIntStats,
  digest: string,
): OpenedFile {
  return {
    digest,
    sizeBytes: Number(stats.size),
    modified: new Date(Number(stats.mtimeMs)),
    body: undefined,
    read: (start, length) => readUnchanged(handle, stats, { start, length }),
    close: () => handle.close(),
  };
}

/**
 * Holds each chunk back until the next one is there, and the last one until the
 * file is seen to be the one that was digested: a receiver that got all bytes
 * got the right ones.
 */
async function* readUnchanged(
  handle: FileHandle,
  before: BigIntStats,
  range: { readonly start: number; readonly length: number },
): AsyncGenerator<Buffer, void, void> {
  let held: Buffer | undefined;
  for await (const chunk of readRange(handle, range.start, range.length)) {
    if (held !== undefined) yield held;
    held = chunk;
  }
  const after = await handle.stat({ bigint: true });
  if (signatureOf(after) !== signatureOf(before))
    throw new Error(
      "Cannot finish an answer: the file changed while it was sent",
    );
  if (held !== undefined) yield held;
}

async function* readRange(
  handle: FileHandle,
  start: number,
  length: number,
): AsyncGenerator<Buffer, void, void> {
  const end = start + length;
  for (let position = start; position < end;) {
    const wanted = Math.min(CHUNK_BYTES, end - position);
    // A new buffer each time: the receiver may still hold the last one.
    const chunk = Buffer.allocUnsafeSlow(wanted);
    const { bytesRead } = await handle.read(chunk, 0, wanted, position);
    if (bytesRead === 0)
      throw new Error("Cannot read a file to its end: it was cut short");
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

function signatureOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

function isRacy(stats: BigIntStats, readAtMs: number): boolean {
  const coarse = stats.ctimeNs % 1_000_000_000n === 0n;
  const changedMs = Number(
    stats.ctimeMs > stats.mtimeMs ? stats.ctimeMs : stats.mtimeMs,
  );
  return readAtMs - changedMs < (coarse ? RACY_COARSE_MS : RACY_FINE_MS);
}
