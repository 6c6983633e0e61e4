/** HTTP/1.1 on bytes: heads, field values and bodies; strict, incremental, without I/O. */
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
export {
  type FieldId,
  fieldIdOf,
  isHopByHop,
  isHopByHopId,
  KNOWN_FIELDS,
} from "./known-field.ts";
export {
  DEFAULT_HEAD_LIMITS,
  HEAD_OPTIONS,
  type HeadLimits,
} from "./options.ts";
export { parseRequestHead } from "./parse-request-head.ts";
export { parseResponseHead } from "./parse-response-head.ts";
export { type RequestHead, type TargetForm } from "./request-head.ts";
export { type ResponseHead } from "./response-head.ts";
export {
  type Blame,
  RESPONSE_FAULT,
  type WireFault,
  WIRE_FAULTS,
  type WireFaultRule,
  wireFaultRule,
} from "./wire-fault.ts";
