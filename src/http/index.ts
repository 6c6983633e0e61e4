/** HTTP/1.1 on bytes: heads, field values and bodies; strict, incremental, without I/O. */
export { AcceptedCodings } from "./accept-encoding.ts";
export { acceptingHead, alteredResponseHead } from "./altered-head.ts";
export {
  type Authority,
  authorityText,
  defaultPort,
  isIpv4,
  isIpv6,
  parseAuthority,
} from "./authority.ts";
export type { BodyEvent, BodyReader } from "./body-reader.ts";
export {
  type CacheControl,
  type FieldScope,
  NO_CACHE_CONTROL,
  parseCacheControl,
  parseTargetedCacheControl,
} from "./cache-control.ts";
export { isFieldValue, isToken } from "./characters.ts";
export {
  chunkHeader,
  LAST_CHUNK,
  lastChunk,
  MAX_CHUNK_HEADER_BYTES,
  writeChunkHeader,
} from "./chunk-writer.ts";
export { ChunkedReader } from "./chunked-reader.ts";
export { composeRequestHead, type RequestParts } from "./compose-request.ts";
export {
  connectionOptions,
  type ConnectionOptions,
  readConnectionOptions,
} from "./connection-options.ts";
export {
  type EntityTag,
  type EntityTags,
  matchStrong,
  matchWeak,
  parseEntityTag,
  parseEntityTags,
} from "./entity-tag.ts";
export {
  field,
  fieldAll,
  fieldJoined,
  isFieldName,
  listTokens,
  splitList,
  tokenOrQuoted,
  unquote,
} from "./fields.ts";
export {
  appendForwardedFor,
  forwardedElement,
  type ForwardedElement,
  nodeAddress,
  parseForwarded,
  parseForwardedFor,
} from "./forwarded.ts";
export {
  bodyReader,
  LengthReader,
  UntilCloseReader,
} from "./framing-reader.ts";
export { findHeadEnd } from "./head-end.ts";
export {
  CHUNKED,
  type FieldList,
  type Framing,
  type HeadIncomplete,
  type HeadReject,
  type HeadResult,
  NO_CONTENT,
  UNTIL_CLOSE,
} from "./head-result.ts";
export { latin1Into } from "./latin1.ts";
export { httpDate, httpDateNow, parseHttpDate } from "./http-date.ts";
export {
  cacheStatus,
  type CacheStatus,
  type ForwardReason,
  type ProxyErrorType,
  proxyStatus,
  type ProxyStatus,
} from "./intermediary-status.ts";
export {
  type FieldId,
  fieldIdOf,
  type IdOf,
  isHopByHop,
  isHopByHopId,
  KNOWN_FIELDS,
  type KnownFieldName,
} from "./known-field.ts";
export { methodRule, type MethodRule } from "./method.ts";
export {
  CHUNKED_OPTIONS,
  type ChunkedLimits,
  DEFAULT_CHUNKED_LIMITS,
  DEFAULT_HEAD_LIMITS,
  HEAD_OPTIONS,
  type HeadLimits,
} from "./options.ts";
export { parseRequestHead } from "./parse-request-head.ts";
export { parseResponseHead } from "./parse-response-head.ts";
export {
  MAX_PROXY_HEADER_BYTES,
  type ProxyEnd,
  type ProxyEnds,
  type ProxyHeaderFault,
  type ProxyHeaderResult,
  type ProxyProtocolVersion,
} from "./proxy-header.ts";
export {
  localProxyHeader,
  parseProxyHeader,
  proxyHeader,
} from "./proxy-protocol.ts";
export {
  type ByteRange,
  contentRange,
  type ContentRange,
  MAX_RANGES,
  parseContentRange,
  parseRange,
  type RangeSpec,
  resolveRanges,
} from "./range.ts";
export { type RequestHead, type TargetForm } from "./request-head.ts";
export { hasDotSegment, isBelow, plainPath } from "./request-path.ts";
export { type ResponseHead } from "./response-head.ts";
export {
  appendFields,
  endToEndFields,
  fieldLine,
  fieldLines,
  fieldSet,
  type FieldSet,
  type ForwardedHead,
  HOP_BY_HOP_SET,
  requestLine,
  serializeRequestHead,
  serializeResponseHead,
  statusLine,
} from "./serialize.ts";
export {
  isBodiless,
  isHeuristicallyCacheable,
  reasonPhrase,
} from "./status.ts";
export {
  parseSfDictionary,
  sfInteger,
  sfString,
  type SfToken,
  sfTokenOrString,
  type SfValue,
} from "./structured.ts";
export { parseVary, type Vary } from "./vary.ts";
export { trimWhiteSpace } from "./white-space.ts";
export {
  type Blame,
  RESPONSE_FAULT,
  type WireFault,
  WIRE_FAULTS,
  type WireFaultRule,
  wireFaultRule,
} from "./wire-fault.ts";
