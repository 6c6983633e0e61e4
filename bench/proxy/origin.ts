import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";

/** Bytes of the answer that everything is measured with. */
export const BODY_BYTES = 4096;

/** The path whose answer may be stored, and the one whose may not. */
export const PATHS = { cached: "/cached", uncached: "/uncached" } as const;

/**
 * The origin of all contenders: one nginx worker that answers a file of 4 KB, on
 * the core of the load generator, so that the contender has its core alone.
 */
export async function startOrigin(
  folder: string,
  core: number,
): Promise<ChildServer> {
  const port = await freePort();
  await writeFile(join(folder, "body"), "x".repeat(BODY_BYTES));
  const config = join(folder, "origin.conf");
  await writeFile(
    config,
    `${nginxPreamble(folder, "origin")}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  open_file_cache max=10;
  default_type text/plain;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ${PATHS.cached} { alias ${folder}/body; add_header Cache-Control "max-age=86400"; }
    location ${PATHS.uncached} { alias ${folder}/body; add_header Cache-Control "no-store"; }
  }
}
`,
  );
  return ChildServer.start({
    name: "origin",
    core,
    port,
    command: "nginx",
    args: ["-c", config, "-p", folder, "-e", "stderr"],
  });
}

/** One worker in the foreground, with files of its own. */
export function nginxPreamble(folder: string, name: string): string {
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${folder}/${name}.pid;
error_log stderr error;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 16384; }`;
}
