import { sfInteger, sfString, sfTokenOrString } from "./structured.ts";

/** RFC 9211 section 2.2: why the request went forward. */
export type ForwardReason =
  | "bypass"
  | "method"
  | "uri-miss"
  | "vary-miss"
  | "miss"
  | "request"
  | "stale"
  | "partial";

/** One cache's member of `Cache-Status` (RFC 9211). */
export interface CacheStatus {
  /** Name of this cache. */
  readonly cache: string;
  readonly hit?: boolean;
  readonly forward?: ForwardReason;
  readonly forwardStatus?: number;
  /** Seconds of freshness left; negative when stale. */
  readonly ttlS?: number;
  readonly stored?: boolean;
  readonly collapsed?: boolean;
  readonly detail?: string;
}

/** The member as text. */
export function cacheStatus(status: CacheStatus): string {
  let text = sfTokenOrString(status.cache);
  if (status.hit === true) text += "; hit";
  // RFC 9211 section 2.2: "MUST NOT" stand beside hit.
  else if (status.forward !== undefined) text += `; fwd=${status.forward}`;
  if (status.forwardStatus !== undefined)
    text += `; fwd-status=${sfInteger(status.forwardStatus)}`;
  if (status.ttlS !== undefined) text += `; ttl=${sfInteger(status.ttlS)}`;
  if (status.stored === true) text += "; stored";
  if (status.collapsed === true) text += "; collapsed";
  if (status.detail !== undefined)
    text += `; detail=${sfTokenOrString(status.detail)}`;
  return text;
}

/** RFC 9209 section 2.3, those that a gateway can see. */
export type ProxyErrorType =
  | "dns_timeout"
  | "dns_error"
  | "destination_not_found"
  | "destination_unavailable"
  | "destination_ip_prohibited"
  | "destination_ip_unroutable"
  | "connection_refused"
  | "connection_terminated"
  | "connection_timeout"
  | "connection_read_timeout"
  | "connection_write_timeout"
  | "connection_limit_reached"
  | "tls_protocol_error"
  | "tls_certificate_error"
  | "tls_alert_received"
  | "http_request_error"
  | "http_request_denied"
  | "http_response_incomplete"
  | "http_response_header_section_size"
  | "http_response_header_size"
  | "http_response_body_size"
  | "http_response_trailer_section_size"
  | "http_response_trailer_size"
  | "http_response_transfer_coding"
  | "http_response_content_coding"
  | "http_response_timeout"
  | "http_upgrade_failed"
  | "http_protocol_error"
  | "proxy_internal_response"
  | "proxy_internal_error"
  | "proxy_configuration_error"
  | "proxy_loop_detected";

/** One proxy's member of `Proxy-Status` (RFC 9209). */
export interface ProxyStatus {
  readonly proxy: string;
  readonly error?: ProxyErrorType;
  readonly nextHop?: string;
  readonly receivedStatus?: number;
  readonly details?: string;
}

/** The member as text. */
export function proxyStatus(status: ProxyStatus): string {
  let text = sfTokenOrString(status.proxy);
  if (status.error !== undefined) text += `; error=${status.error}`;
  if (status.nextHop !== undefined)
    text += `; next-hop=${sfTokenOrString(status.nextHop)}`;
  if (status.receivedStatus !== undefined)
    text += `; received-status=${sfInteger(status.receivedStatus)}`;
  if (status.details !== undefined)
    text += `; details=${sfString(status.details)}`;
  return text;
}
