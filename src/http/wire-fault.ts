/** Who broke the rule: the side whose bytes were read. */
export type Blame = "client" | "upstream";

/** What a fault means for the exchange in which it was seen. */
export interface WireFaultRule {
  /** Status of the answer to the client. */
  readonly status: number;
  readonly blame: Blame;
  /** Whether the exchange may be tried once more, with another target. */
  readonly retry: "never" | "idempotent";
}

const bad = { status: 400, blame: "client", retry: "never" } as const;

/**
 * Everything that is refused in the bytes of a peer. The rule is that of a
 * request; in a response every one of them is {@link RESPONSE_FAULT}.
 */
export const WIRE_FAULTS = {
  /** A CR that is not followed by LF, or an LF without CR (RFC 9112 section 2.2). */
  "bare-cr": bad,
  "bare-lf": bad,
  /** RFC 9112 section 3.1: a method is a token. */
  "bad-method": bad,
  "method-too-long": { status: 501, blame: "client", retry: "never" },
  /** RFC 9112 section 3: exactly one SP between the three parts. */
  "bad-request-line": bad,
  /** RFC 9112 section 3.2: no white space, control, fragment, quote or byte above 0x7e. */
  "bad-target": bad,
  /** RFC 9112 section 3: 414 when the target is longer than we take. */
  "target-too-long": { status: 414, blame: "client", retry: "never" },
  /** RFC 9112 section 2.3: the eight bytes are case-sensitive. */
  "bad-version": bad,
  "version-not-supported": { status: 505, blame: "client", retry: "never" },
  /** RFC 9112 section 4: status-line. */
  "bad-status-line": bad,
  "bad-status": bad,
  /** RFC 9112 section 5: field-name is a token. */
  "bad-field-name": bad,
  /** RFC 9112 section 5.1: no white space between name and colon. */
  "space-before-colon": bad,
  /** RFC 9112 section 5.2. */
  "obs-fold": bad,
  /** RFC 9110 section 5.5: NUL and other controls. */
  "bad-field-value": bad,
  /** An underscore where a gateway interface would read a hyphen: `Content_Length`. */
  "confusable-field-name": bad,
  /** RFC 9110 section 5.3: a field that has one value came twice. */
  "repeated-field": bad,
  "head-too-large": { status: 431, blame: "client", retry: "never" },
  "too-many-fields": { status: 431, blame: "client", retry: "never" },
  /** RFC 9112 section 3.2: an HTTP/1.1 request has one Host. */
  "missing-host": bad,
  "repeated-host": bad,
  "bad-host": bad,
  /** RFC 9112 section 3.2.2: Host is identical to the authority of an absolute target. */
  "host-mismatch": bad,
  /** RFC 9112 section 6.3. */
  "bad-content-length": bad,
  "repeated-content-length": bad,
  "length-too-large": { status: 413, blame: "client", retry: "never" },
  /** RFC 9112 section 6.1: a request smuggling attempt until shown otherwise. */
  "length-with-transfer-encoding": bad,
  /** RFC 9112 section 6.1: HTTP/1.0 has no transfer codings. */
  "transfer-encoding-in-http10": bad,
  "bad-transfer-encoding": bad,
  /** RFC 9112 section 6.1: 501 for a coding that is not understood. */
  "unsupported-transfer-encoding": {
    status: 501,
    blame: "client",
    retry: "never",
  },
  /** RFC 9112 section 6.1: an interim answer that announces content. */
  "content-not-allowed": bad,
  /** RFC 9110 section 7.8 and 15.2.2: not a list of protocols, or 101 without one. */
  "bad-upgrade": bad,
  "bad-connection": bad,
  /** RFC 9110 section 7.6.1: a field meant for every recipient was named in Connection. */
  "forbidden-connection-option": bad,
  /** RFC 9110 section 10.1.1. */
  "expectation-failed": { status: 417, blame: "client", retry: "never" },
  /** RFC 9112 section 7.1. */
  "bad-chunk-size": bad,
  "chunk-size-too-large": { status: 413, blame: "client", retry: "never" },
  "bad-chunk-extension": bad,
  "chunk-extensions-too-large": bad,
  "bad-chunk-end": bad,
  "trailers-too-large": { status: 431, blame: "client", retry: "never" },
  "bad-trailer": bad,
  /** RFC 9113 section 8.2.2 and 8.3: what HTTP/2 carries and HTTP/1.1 must not. */
  "forbidden-http2-field": bad,
} as const satisfies Record<string, WireFaultRule>;

/** The closed vocabulary of refusals: log word, metric label and test assertion. */
export type WireFault = keyof typeof WIRE_FAULTS;

/** What any fault in the bytes of a target means. */
export const RESPONSE_FAULT: WireFaultRule = {
  status: 502,
  blame: "upstream",
  retry: "idempotent",
};

/** The rule of a fault in what `side` sent. */
export function wireFaultRule(code: WireFault, side: Blame): WireFaultRule {
  return side === "client" ? WIRE_FAULTS[code] : RESPONSE_FAULT;
}
