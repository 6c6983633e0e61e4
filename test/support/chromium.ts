import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHROMIUM = "/usr/bin/chromium";
const WITHIN_MS = 90_000;

/** Why tests with a browser are left out; false when they are not. */
export const chromiumMissing: string | false = existsSync(CHROMIUM)
  ? false
  : `${CHROMIUM} is missing: sudo apt-get install chromium`;

/**
 * Opens `url` in a browser with an empty profile; answers the page's DOM after
 * its scripts have run for `scriptMs` of the browser's own time. Certificates
 * are not verified.
 */
export async function dumpDom(url: string, scriptMs: number): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), "zoogate-chromium-"));
  const child = spawn(
    CHROMIUM,
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--ignore-certificate-errors",
      `--user-data-dir=${profile}`,
      `--virtual-time-budget=${scriptMs}`,
      "--dump-dom",
      url,
    ],
    { stdio: ["ignore", "pipe", "ignore"], timeout: WITHIN_MS },
  );
  try {
    const closed = once(child, "close");
    let text = "";
    child.stdout.setEncoding("utf8");
    for await (const piece of child.stdout) text += String(piece);
    await closed;
    return text;
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
