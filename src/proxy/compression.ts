import {
  AcceptedCodings,
  acceptingHead,
  type RequestHead,
  type ResponseHead,
} from "../http/index.ts";
import type { CompressDefinition, ContentCoding } from "../registry/index.ts";
import { codedHead, codedNotModified } from "./coded-head.ts";
import { isCompressible } from "./compressible.ts";
import { HAS_ZSTD } from "./compressor.ts";

/*
 * Compression of answers on their way from target to client.
 *
 * It is done before the answer is stored, so that a hit costs nothing more. What
 * is stored is selected by Vary, as with a target that compresses: for that,
 * each request is given the one coding that its client would get in place of
 * the many ways in which browsers say what they accept. Its target hears that
 * too, and may compress itself; then its answer is passed on as it is.
 *
 * A request for a part is for a part of the uncompressed, and HTTP/1.0 has no
 * way to say where content of unknown length ends but the connection's end:
 * both are asked for without a coding.
 */

/** Values of Accept-Encoding remembered; there are a dozen in the wild. */
const MAX_REMEMBERED = 256;
/** Longer ones are not. */
const MAX_CHARACTERS = 256;

/** What becomes of an answer's content. */
export type CodingPlan =
  /** Nothing: it is none of our business, or is coded already. */
  | { readonly kind: "none" }
  /** It stays, but another client would get it coded; or there is none (HEAD). */
  | { readonly kind: "head"; readonly head: ResponseHead }
  | {
      readonly kind: "code";
      readonly coding: ContentCoding;
      readonly head: ResponseHead;
      /** In place of `head` where coding does not pay. */
      readonly uncoded: ResponseHead;
    };

const NONE: CodingPlan = { kind: "none" };

/** How one service compresses. */
export class Compression {
  readonly #codings: readonly ContentCoding[];
  readonly #minBytes: number;
  readonly #types: readonly string[];
  readonly #chosen = new Map<string, ContentCoding | undefined>();

  private constructor(definition: CompressDefinition) {
    this.#codings = definition.codings.filter(
      (coding) => coding !== "zstd" || HAS_ZSTD,
    );
    this.#minBytes = definition.minBytes;
    this.#types = definition.types;
  }

  /** Undefined where nothing is compressed. */
  static of(definition: CompressDefinition): Compression | undefined {
    return definition.enabled ? new Compression(definition) : undefined;
  }

  /** The request as the cache and the target are to see it. */
  normalised(head: RequestHead): RequestHead {
    return acceptingHead(head, this.#codingFor(head));
  }

  #codingFor(head: RequestHead): ContentCoding | undefined {
    const { acceptEncoding } = head;
    if (
      acceptEncoding === undefined ||
      head.range !== undefined ||
      head.minorVersion === 0 ||
      forbidsTransform(head.cacheControl)
    )
      return undefined;
    const known = this.#chosen.get(acceptEncoding);
    if (known !== undefined || this.#chosen.has(acceptEncoding)) return known;
    const coding = new AcceptedCodings(acceptEncoding).choose(this.#codings);
    if (acceptEncoding.length <= MAX_CHARACTERS) {
      if (this.#chosen.size >= MAX_REMEMBERED) this.#chosen.clear();
      // A part of a head would keep the whole head in memory.
      this.#chosen.set(Buffer.from(acceptEncoding).toString(), coding);
    }
    return coding;
  }

  /** For an answer to a request that was {@link normalised}. */
  plan(head: ResponseHead, request: RequestHead): CodingPlan {
    if (head.status === 304) {
      const coded = codedNotModified(head, request.ifNoneMatch);
      return coded === head ? NONE : { kind: "head", head: coded };
    }
    if (!this.#mayCode(head)) return NONE;
    const coding = this.#codings.find((one) => one === request.acceptEncoding);
    const uncoded = codedHead(head, undefined);
    if (coding === undefined) return { kind: "head", head: uncoded };
    const coded = codedHead(head, coding);
    return head.framing.kind === "none"
      ? { kind: "head", head: coded }
      : { kind: "code", coding, head: coded, uncoded };
  }

  #mayCode(head: ResponseHead): boolean {
    const { status, contentLength } = head;
    return (
      status >= 200 &&
      status !== 204 &&
      status !== 205 &&
      status !== 206 &&
      head.contentEncoding === undefined &&
      head.contentRange === undefined &&
      (contentLength < 0 || contentLength >= this.#minBytes) &&
      isCompressible(head.contentType, this.#types) &&
      !forbidsTransform(head.cacheControl) &&
      !forbidsTransform(head.targetedCacheControl)
    );
  }
}

/** RFC 9110 section 7.7, RFC 9111 sections 5.2.1.6 and 5.2.2.6; however it is written. */
function forbidsTransform(cacheControl: string | undefined): boolean {
  return (
    cacheControl !== undefined &&
    cacheControl.toLowerCase().includes("no-transform")
  );
}
