import type { WireFault } from "../../../src/http/index.ts";

/** What a request head must be read as; what is left out is not compared. */
export interface RequestReading {
  readonly method?: string;
  readonly target?: string;
  readonly form?: string;
  readonly path?: string;
  readonly query?: string;
  readonly minorVersion?: 0 | 1;
  readonly host?: string;
  readonly hostname?: string;
  readonly framing?: string;
  readonly length?: number;
  readonly keepAlive?: boolean;
  readonly expectContinue?: boolean;
  readonly upgrade?: string | undefined;
  readonly connectionOptions?: readonly string[];
  readonly fields?: readonly string[];
  readonly cookie?: string;
  readonly ifNoneMatch?: string;
}

/** What a response head must be read as. */
export interface ResponseReading {
  readonly status?: number;
  readonly reason?: string;
  readonly minorVersion?: 0 | 1;
  readonly framing?: string;
  readonly length?: number;
  readonly contentLength?: number;
  readonly keepAlive?: boolean;
  readonly upgrade?: string | undefined;
  readonly connectionOptions?: readonly string[];
  readonly fields?: readonly string[];
}

/** One case: bytes as latin1 text, and what they are. */
interface Vector<Reading> {
  /** Begins with the section of the RFC it holds us to. */
  readonly name: string;
  readonly bytes: string;
  /** A reading, or the code of the refusal. */
  readonly expect: Reading | WireFault;
}

export type RequestVector = Vector<RequestReading>;

export interface ResponseVector extends Vector<ResponseReading> {
  /** GET when left out. */
  readonly requestMethod?: string;
}

/** What chunked content must be read as. */
export interface ChunkedReading {
  readonly data: string;
  readonly trailers?: readonly string[];
  /** Bytes after the content, which belong to the next message. */
  readonly rest?: string;
}

export interface ChunkedVector extends Vector<ChunkedReading> {
  readonly allowPaddedSizes?: boolean;
}
