/**
 * Media types whose content gets smaller. A type that is not here is left as it
 * is: pictures, films, fonts of the web and archives are compressed already.
 */
const TYPES: ReadonlySet<string> = new Set([
  "application/atom+xml",
  "application/ecmascript",
  "application/graphql",
  "application/javascript",
  "application/json",
  "application/rtf",
  "application/toml",
  "application/vnd.ms-fontobject",
  "application/wasm",
  "application/x-font-ttf",
  "application/x-httpd-php",
  "application/x-javascript",
  "application/x-sh",
  "application/x-yaml",
  "application/xml",
  "application/xml-dtd",
  "application/yaml",
  "font/collection",
  "font/otf",
  "font/ttf",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
]);

/** RFC 6839: structured syntaxes that are text. */
const SUFFIX = /\+(?:json|xml|yaml)$/;

/** Whether content of this type is worth compressing; `more` are types of the service's own. */
export function isCompressible(
  contentType: string | undefined,
  more: readonly string[],
): boolean {
  if (contentType === undefined) return false;
  const semicolon = contentType.indexOf(";");
  const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon))
    .trim()
    .toLowerCase();
  // Events are for now, not for when a block is full.
  if (type === "text/event-stream") return false;
  return (
    TYPES.has(type) ||
    type.startsWith("text/") ||
    SUFFIX.test(type) ||
    more.includes(type)
  );
}
