import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import { type Content, CONTENTS } from "./scenarios.ts";

/**
 * The origin of all contenders: one nginx worker that answers files, on the core
 * of the load generator, so that the contender has its core alone.
 */
export async function startOrigin(
  folder: string,
  core: number,
): Promise<ChildServer> {
  const port = await freePort();
  const contents: readonly Content[] = Object.values(CONTENTS);
  for (const { bytes } of contents)
    await writeContent(join(folder, `body-${bytes}`), bytes);
  const locations = contents.map(
    ({ path, bytes, mayStore }) =>
      `location = ${path} { alias ${folder}/body-${bytes}; add_header Cache-Control "${mayStore ? "max-age=86400" : "no-store"}"; }`,
  );
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
    ${locations.join("\n    ")}
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

async function writeContent(path: string, bytes: number): Promise<void> {
  const piece = Buffer.alloc(Math.min(bytes, 2 ** 20), "x");
  const file = await open(path, "w");
  try {
    for (let at = 0; at < bytes; at += piece.length)
      await file.write(piece, 0, Math.min(piece.length, bytes - at));
  } finally {
    await file.close();
  }
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
