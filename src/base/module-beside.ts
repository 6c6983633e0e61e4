/**
 * The URL of a module beside the one at `importMetaUrl`, with that one's
 * extension, so that workers and children start from sources and from the
 * build alike: `moduleBeside(import.meta.url, "./worker")`.
 */
export function moduleBeside(importMetaUrl: string, name: string): URL {
  const extension = new URL(importMetaUrl).pathname.endsWith(".ts")
    ? ".ts"
    : ".js";
  return new URL(name + extension, importMetaUrl);
}
