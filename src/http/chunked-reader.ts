import type { BodyEvent, BodyReader } from "./body-reader.ts";
import { FIELD_VALUE, HEX, TOKEN } from "./characters.ts";
import { dissectFieldLines } from "./field-lines.ts";
import type { FieldList } from "./head-result.ts";
import { type ChunkedLimits, DEFAULT_CHUNKED_LIMITS } from "./options.ts";
import { MutableTrailers } from "./trailers.ts";
import type { WireFault } from "./wire-fault.ts";

/*
 *            ┌──────────────────────────────────────────────┐
 *            v                                              │
 *   SIZE_START ─ hex ─> SIZE ─ CR ─> SIZE_LF ─ n > 0 ─> DATA ─> DATA_CR ─> DATA_LF
 *                        │ ;            ^  └─ n = 0 ─> LINE_START ─ CR ─> END_LF ─> DONE
 *                        v              │                │   ^
 *        EXT_NAME_START ─> EXT_NAME ────┤                v   │
 *                ^            │ =       │              LINE ─┴─> LINE_LF
 *                │            v         │
 *                ├─ ; ─ EXT_VALUE… ─────┘        any other byte: FAILED
 */
const SIZE_START = 0;
const SIZE = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const EXT_NAME_START = 6;
const EXT_NAME = 7;
const EXT_VALUE_START = 8;
const EXT_VALUE = 9;
const EXT_QUOTED = 10;
const EXT_ESCAPE = 11;
const EXT_QUOTED_END = 12;
const LINE_START = 13;
const LINE = 14;
const LINE_LF = 15;
const END_LF = 16;
const DONE = 17;
const FAILED = 18;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** 2^52 has 14; with 13 digits every size is an exact double. */
const MAX_SIZE_DIGITS = 13;

const NO_TRAILERS: FieldList = Object.freeze([]);

/**
 * Chunked content (RFC 9112 section 7.1), strictly: a size is hexadecimal digits
 * without leading zeros, sign or white space; extensions follow their grammar
 * without "bad white space" and are bounded; every line ends in CR LF; trailers
 * are bounded, checked like any field, and refused when they would govern
 * framing, routing, access or storing (RFC 9110 section 6.5.1).
 */
export class ChunkedReader implements BodyReader {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  dataBytes = 0;
  fault: WireFault | undefined = undefined;
  trailers: FieldList = NO_TRAILERS;

  readonly #limits: ChunkedLimits;
  #state = SIZE_START;
  /** Of the chunk: its size while that is read, then what is left of it. */
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerSection: Buffer | undefined = undefined;
  #trailerBytes = 0;

  constructor(limits: ChunkedLimits = DEFAULT_CHUNKED_LIMITS) {
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  close(): boolean {
    return this.#state === DONE;
  }

  read(bytes: Buffer, from: number, to: number): BodyEvent {
    let at = from;
    for (;;) {
      if (this.#state === DATA) {
        if (at === to) break;
        const size = Math.min(this.#left, to - at);
        this.dataStart = at;
        this.dataEnd = at + size;
        this.#take(size);
        this.position = at + size;
        return "data";
      }
      at = this.#readFraming(bytes, at, to);
      if (this.#state >= DONE || at === to) break;
    }
    return this.#stopped(at);
  }

  follow(bytes: Buffer, from: number, to: number): "more" | "end" | "reject" {
    let at = from;
    for (;;) {
      if (this.#state === DATA) {
        const size = Math.min(this.#left, to - at);
        this.#take(size);
        at += size;
      } else at = this.#readFraming(bytes, at, to);
      if (this.#state >= DONE || at === to) break;
    }
    return this.#stopped(at);
  }

  #stopped(at: number): "more" | "end" | "reject" {
    this.position = at;
    if (this.#state === DONE) return "end";
    return this.#state === FAILED ? "reject" : "more";
  }

  #take(size: number): void {
    this.dataBytes += size;
    this.#left -= size;
    if (this.#left === 0) this.#state = DATA_CR;
  }

  #fail(code: WireFault, at: number): number {
    this.#state = FAILED;
    this.fault = code;
    return at;
  }

  /** Reads bytes that are not data; stops before data, at the end, or at a fault. */
  #readFraming(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to) {
      if (this.#state === DATA || this.#state >= DONE) return at;
      const code = bytes[at] ?? 0;
      const fault =
        this.#state >= LINE_START
          ? this.#stepTrailer(code)
          : this.#state >= EXT_NAME_START
            ? this.#stepExtension(code)
            : this.#stepSize(code);
      if (fault !== undefined) return this.#fail(fault, at);
      at++;
    }
    return at;
  }

  #stepSize(code: number): WireFault | undefined {
    switch (this.#state) {
      case SIZE_START:
      case SIZE:
        return this.#stepDigit(code);
      case SIZE_LF:
        if (code !== LF) return "bare-cr";
        this.#state = this.#left === 0 ? LINE_START : DATA;
        return undefined;
      case DATA_CR:
        if (code !== CR) return code === LF ? "bare-lf" : "bad-chunk-end";
        this.#state = DATA_LF;
        return undefined;
      default: // DATA_LF
        if (code !== LF) return "bare-cr";
        this.#state = SIZE_START;
        return undefined;
    }
  }

  #stepDigit(code: number): WireFault | undefined {
    const digit = HEX[code] ?? 0xff;
    if (this.#state === SIZE_START) {
      if (digit === 0xff) return code === LF ? "bare-lf" : "bad-chunk-size";
      this.#state = SIZE;
      this.#left = digit;
      this.#digits = 1;
      this.#extensionBytes = 0;
      return undefined;
    }
    if (digit !== 0xff) {
      // "0" and one more digit: some parsers read octal, some count digits.
      if (this.#left === 0 && !this.#limits.allowPaddedSizes)
        return "bad-chunk-size";
      if (++this.#digits > MAX_SIZE_DIGITS) return "chunk-size-too-large";
      this.#left = this.#left * 16 + digit;
      return undefined;
    }
    if (code === CR) this.#state = SIZE_LF;
    else if (code === SEMICOLON) this.#state = EXT_NAME_START;
    else return code === LF ? "bare-lf" : "bad-chunk-size";
    return undefined;
  }

  #stepExtension(code: number): WireFault | undefined {
    if (++this.#extensionBytes > this.#limits.maxExtensionBytes)
      return "chunk-extensions-too-large";
    const isToken = TOKEN[code] !== 0;
    switch (this.#state) {
      case EXT_NAME_START:
        if (!isToken) break;
        this.#state = EXT_NAME;
        return undefined;
      case EXT_NAME:
        if (isToken) return undefined;
        if (code !== EQUALS) return this.#endExtension(code);
        this.#state = EXT_VALUE_START;
        return undefined;
      case EXT_VALUE_START:
        if (!isToken && code !== QUOTE) break;
        this.#state = isToken ? EXT_VALUE : EXT_QUOTED;
        return undefined;
      case EXT_VALUE:
        return isToken ? undefined : this.#endExtension(code);
      case EXT_QUOTED:
        if (FIELD_VALUE[code] === 0) break;
        if (code === QUOTE) this.#state = EXT_QUOTED_END;
        else if (code === BACKSLASH) this.#state = EXT_ESCAPE;
        return undefined;
      case EXT_ESCAPE:
        if (FIELD_VALUE[code] === 0) break;
        this.#state = EXT_QUOTED;
        return undefined;
      default: // EXT_QUOTED_END
        return this.#endExtension(code);
    }
    return code === LF ? "bare-lf" : "bad-chunk-extension";
  }

  #endExtension(code: number): WireFault | undefined {
    if (code === CR) this.#state = SIZE_LF;
    else if (code === SEMICOLON) this.#state = EXT_NAME_START;
    else return code === LF ? "bare-lf" : "bad-chunk-extension";
    return undefined;
  }

  #stepTrailer(code: number): WireFault | undefined {
    switch (this.#state) {
      case LINE_START:
        if (code === CR) this.#state = END_LF;
        else if (code === LF) return "bare-lf";
        else this.#state = LINE;
        return this.#keepTrailerByte(code);
      case LINE:
        if (code === LF) return "bare-lf";
        if (code === CR) this.#state = LINE_LF;
        return this.#keepTrailerByte(code);
      case LINE_LF:
        if (code !== LF) return "bare-cr";
        this.#state = LINE_START;
        return this.#keepTrailerByte(code);
      default: // END_LF
        if (code !== LF) return "bare-cr";
        this.#state = DONE;
        return this.#keepTrailerByte(code) ?? this.#readTrailers();
    }
  }

  #keepTrailerByte(code: number): WireFault | undefined {
    // Most bodies have no trailers; the empty line alone needs no memory.
    if (this.#trailerSection === undefined) {
      if (this.#state === END_LF || this.#state === DONE) return undefined;
      this.#trailerSection = Buffer.alloc(this.#limits.maxTrailerBytes + 2);
    }
    if (this.#trailerBytes >= this.#trailerSection.length)
      return "trailers-too-large";
    this.#trailerSection[this.#trailerBytes++] = code;
    return undefined;
  }

  #readTrailers(): WireFault | undefined {
    const bytes = this.#trailerSection;
    if (bytes === undefined) return undefined;
    const trailers = new MutableTrailers();
    const text = bytes.toString("latin1", 0, this.#trailerBytes);
    const lines = dissectFieldLines(trailers, { bytes, start: 0, text }, 0, {
      maxFields: this.#limits.maxTrailerFields,
    });
    this.#trailerSection = undefined;
    if (lines.code === "too-many-fields") return "trailers-too-large";
    if (lines.code !== undefined) return lines.code;
    this.trailers = trailers.fields;
    return undefined;
  }
}
