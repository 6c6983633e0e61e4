/** What may be done with a method (RFC 9110 section 9.2). */
export interface MethodRule {
  /** Asks for nothing to change. */
  readonly safe: boolean;
  /** Twice is the same as once, so a cut request may be repeated. */
  readonly idempotent: boolean;
  /** Its answers may be stored by us: GET and HEAD (RFC 9110 section 9.2.3 also names POST). */
  readonly cacheable: boolean;
}

const reading = { safe: true, idempotent: true, cacheable: true };
const asking = { safe: true, idempotent: true, cacheable: false };
const placing = { safe: false, idempotent: true, cacheable: false };
const acting = { safe: false, idempotent: false, cacheable: false };

/** RFC 9110 section 9.3, RFC 5789 (PATCH), RFC 4918, 3253 and 5323 (WebDAV), and QUERY. */
const METHODS: Readonly<Record<string, MethodRule>> = Object.assign(
  // no prototype: a method named "constructor" is not in the table
  Object.create(null) as Record<string, MethodRule>, // Object.create answers any
  {
    GET: reading,
    HEAD: reading,
    OPTIONS: asking,
    TRACE: asking,
    QUERY: asking,
    PROPFIND: asking,
    REPORT: asking,
    SEARCH: asking,
    PUT: placing,
    DELETE: placing,
    MKCOL: placing,
    COPY: placing,
    MOVE: placing,
    UNLOCK: placing,
    PROPPATCH: placing,
    POST: acting,
    PATCH: acting,
    CONNECT: acting,
    LOCK: acting,
  },
);

/** The rule of a method; one that we do not know is neither safe nor idempotent. */
export function methodRule(method: string): MethodRule {
  return METHODS[method] ?? acting;
}
