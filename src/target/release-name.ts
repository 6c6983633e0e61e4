import type { Manifest } from "./scan-site.ts";

/** Long enough that two contents of one site never share it. */
const DIGEST_LETTERS = 16;

/**
 * Names the releases of one served directory: by digest, or, with a name of
 * one's own, by that name for the content it was given to and by
 * `<name>+<digest>` for whatever the directory holds later. (Under the bare name
 * caches would go on with what that name stood for.)
 */
export function releaseNaming(
  first: Manifest,
  given: string | undefined,
): (manifest: Manifest) => string {
  return (manifest) => {
    const digest = manifest.digest.slice(0, DIGEST_LETTERS);
    if (given === undefined) return digest;
    return manifest.digest === first.digest ? given : `${given}+${digest}`;
  };
}
