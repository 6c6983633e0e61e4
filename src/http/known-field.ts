/** What we do with a field that we know by name. */
interface KnownFieldRow {
  readonly name: string;
  /** How it is usually written, when that is not `Title-Case`. */
  readonly spelling?: string;
  /** RFC 9110 section 7.6.1: belongs to one connection and is never passed on. */
  readonly hop?: true;
  /**
   * Says where a message ends, who sends it or how it may be stored: Connection
   * may not nominate it, and no name with underscores may stand for it.
   */
  readonly guarded?: true;
}

/** Row number of a field in {@link KNOWN_FIELDS}; 0 is any other field. */
export type FieldId = number;

const rows = [
  { name: "" },
  { name: "host", guarded: true }, // RFC 9110 section 7.2
  { name: "connection", hop: true, guarded: true }, // RFC 9110 section 7.6.1
  { name: "content-length", guarded: true }, // RFC 9110 section 8.6
  { name: "transfer-encoding", hop: true, guarded: true }, // RFC 9112 section 6.1
  { name: "expect", guarded: true }, // RFC 9110 section 10.1.1
  { name: "upgrade", hop: true }, // RFC 9110 section 7.8
  { name: "te", spelling: "TE", hop: true }, // RFC 9110 section 10.1.4
  { name: "range", guarded: true }, // RFC 9110 section 14.2
  { name: "if-range", guarded: true },
  { name: "if-match", guarded: true }, // RFC 9110 section 13.1
  { name: "if-none-match", guarded: true },
  { name: "if-modified-since", guarded: true },
  { name: "if-unmodified-since", guarded: true },
  { name: "cookie", guarded: true }, // RFC 6265 section 5.4
  { name: "authorization", guarded: true }, // RFC 9110 section 11.6.2
  { name: "cache-control", guarded: true }, // RFC 9111 section 5.2
  { name: "accept-encoding" }, // RFC 9110 section 12.5.3
  { name: "pragma" }, // RFC 9111 section 5.4
  { name: "content-type", guarded: true }, // RFC 9110 section 8.3
  { name: "max-forwards", guarded: true }, // RFC 9110 section 7.6.2
  { name: "via" }, // RFC 9110 section 7.6.3
  { name: "forwarded", guarded: true }, // RFC 7239
  { name: "x-forwarded-for", guarded: true },
  { name: "x-forwarded-proto", guarded: true },
  { name: "x-forwarded-host", guarded: true },
  { name: "keep-alive", hop: true }, // RFC 2068 section 19.7.1
  { name: "proxy-connection", hop: true }, // RFC 9110 appendix B.2
  { name: "proxy-authenticate", hop: true }, // RFC 9110 section 11.7.1
  { name: "proxy-authorization", hop: true }, // RFC 9110 section 11.7.2
  { name: "proxy-authentication-info", hop: true }, // RFC 9110 section 11.7.3
  { name: "trailer" }, // RFC 9110 section 6.6.2
  { name: "http2-settings", spelling: "HTTP2-Settings", hop: true }, // RFC 7540 section 3.2.1
  { name: "date" }, // RFC 9110 section 6.6.1
  { name: "age" }, // RFC 9111 section 5.1
  { name: "expires", guarded: true }, // RFC 9111 section 5.3
  { name: "last-modified" }, // RFC 9110 section 8.8.2
  { name: "etag", spelling: "ETag" }, // RFC 9110 section 8.8.3
  { name: "vary", guarded: true }, // RFC 9110 section 12.5.5
  { name: "set-cookie", guarded: true }, // RFC 6265 section 4.1
  { name: "content-encoding", guarded: true }, // RFC 9110 section 8.4
  { name: "content-range", guarded: true }, // RFC 9110 section 14.4
  { name: "location", guarded: true }, // RFC 9110 section 10.2.2
  { name: "content-location" }, // RFC 9110 section 8.7
  { name: "cache-status" }, // RFC 9211
  { name: "proxy-status" }, // RFC 9209
  { name: "zoogate-cache-control" }, // RFC 9213 section 2.2: ours, taken out on the way
  { name: "zoogate-release" },
  { name: "cdn-cache-control" }, // RFC 9213 section 3.1
  { name: "accept" }, // RFC 9110 section 12.5.1
  { name: "accept-language" },
  { name: "user-agent" },
  { name: "referer" },
  { name: "origin" },
  { name: "x-forwarded-port", guarded: true },
  { name: "x-real-ip", spelling: "X-Real-IP", guarded: true },
  { name: "server" },
  { name: "retry-after" },
  { name: "accept-ranges" },
  { name: "x-forwarded-prefix", guarded: true },
] as const satisfies readonly KnownFieldRow[];

type Rows = typeof rows;

/** Names of the fields we know. */
export type KnownFieldName = Exclude<Rows[number]["name"], "">;

/**
 * The id of a field as a literal type, so that a hot switch may use a local
 * literal constant and the compiler still holds it against the table.
 */
export type IdOf<Name extends KnownFieldName> = {
  [Key in RowKey]: Rows[Key]["name"] extends Name ? NumberOf<Key> : never;
}[RowKey];

type RowKey = keyof Rows & `${number}`;
type NumberOf<Text> = Text extends `${infer Value extends number}`
  ? Value
  : never;

/** Every field we know, by id. Row 0 stands for all others. */
export const KNOWN_FIELDS: readonly KnownFieldRow[] = rows;

const idByName: ReadonlyMap<string, FieldId> = new Map(
  KNOWN_FIELDS.map((row, id) => [row.name, id] as const).slice(1),
);

/** The id of a field by its name in lower case; 0 when we do not know it. */
export function fieldIdOf(lowerName: string): FieldId {
  return idByName.get(lowerName) ?? 0;
}

const HOP_BY_HOP = Uint8Array.from(KNOWN_FIELDS, (row) => (row.hop ? 1 : 0));
const GUARDED = Uint8Array.from(KNOWN_FIELDS, (row) => (row.guarded ? 1 : 0));

/** Whether a field of this id belongs to one connection only (RFC 9110 section 7.6.1). */
export function isHopByHopId(id: FieldId): boolean {
  return HOP_BY_HOP[id] === 1;
}

/** Whether a field belongs to one connection only, by its name in lower case. */
export function isHopByHop(lowerName: string): boolean {
  return isHopByHopId(fieldIdOf(lowerName));
}

/** Whether a field governs framing, routing, access or storing. */
export function isGuardedId(id: FieldId): boolean {
  return GUARDED[id] === 1;
}

const longestName = Math.max(...KNOWN_FIELDS.map((row) => row.name.length));
const usualNames: readonly string[] = KNOWN_FIELDS.map(
  (row) => row.spelling ?? titleCase(row.name),
);
const usualCodes = usualNames.map((name) => Buffer.from(name, "latin1"));

function titleCase(name: string): string {
  return name.replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}

/*
 * A name is found by its length, first and last but one character: one look-up, then
 * one comparison. Names that share all three would need a second table.
 */
function slotOf(length: number, first: number, late: number): number {
  return (length << 10) | ((first & 31) << 5) | (late & 31);
}

const idBySlot = new Uint8Array((longestName + 1) << 10);
for (const [id, codes] of usualCodes.entries()) {
  if (id === 0) continue;
  const slot = slotOf(codes.length, codes[0] ?? 0, codes.at(-2) ?? 0);
  const other = idBySlot[slot] ?? 0;
  if (other !== 0)
    throw new RangeError(
      `Cannot tell field ${String(codes)} from ${String(usualCodes[other])}: both have one slot`,
    );
  idBySlot[slot] = id;
}

/** Added to an id by {@link fieldIdAt} when the name is spelled as in {@link usualName}. */
export const USUAL_SPELLING = 0x100;

/**
 * The id of the field whose name, already known to be a token, is
 * `bytes[from..to)`. Case does not matter, but the usual spelling is told
 * apart, so that the caller needs no string of its own for it. Allocates nothing.
 */
export function fieldIdAt(bytes: Buffer, from: number, to: number): number {
  const length = to - from;
  if (length > longestName) return 0;
  const id =
    idBySlot[slotOf(length, bytes[from] ?? 0, bytes[to - 2] ?? 0)] ?? 0;
  if (id === 0) return 0;
  const usual = usualCodes[id];
  if (usual === undefined) return 0;
  let i = 0;
  while (i < length && bytes[from + i] === usual[i]) i++;
  if (i === length) return id | USUAL_SPELLING;
  // OR 0x20 turns capitals to small letters and no other token character into
  // a letter, digit or hyphen.
  for (; i < length; i++)
    if (((bytes[from + i] ?? 0) | 0x20) !== ((usual[i] ?? 0) | 0x20)) return 0;
  return id;
}

/** How a field we know is usually spelled. */
export function usualName(id: FieldId): string {
  return usualNames[id] ?? "";
}

/**
 * Whether a name with underscores would, with hyphens in their place, be a
 * field that governs framing, routing, access or storing (what CGI, WSGI and
 * PHP make of `Content_Length`).
 */
export function isConfusable(lowerName: string): boolean {
  return isGuardedId(fieldIdOf(lowerName.replaceAll("_", "-")));
}
