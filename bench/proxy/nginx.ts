import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";
import { nginxPreamble, PATHS } from "./origin.ts";

/**
 * nginx as its manual sets it up for speed: kept connections to the origin, its
 * store in a folder whose open files are remembered, no access log.
 */
export async function startNginx(stage: Stage): Promise<Contender> {
  const { folder, core, originPort } = stage;
  const port = await freePort();
  await mkdir(join(folder, "nginx-cache"), { recursive: true });
  const config = join(folder, "nginx.conf");
  const proxied = `proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;`;
  await writeFile(
    config,
    `${nginxPreamble(folder, "nginx")}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  open_file_cache max=1000;
  proxy_temp_path ${folder}/nginx-temp;
  proxy_cache_path ${folder}/nginx-cache keys_zone=store:10m max_size=100m inactive=1d use_temp_path=off;
  upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 1000000000; keepalive_timeout 600; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ${PATHS.cached} {
      ${proxied}
      proxy_cache store;
      add_header X-Cache $upstream_cache_status;
    }
    location ${PATHS.uncached} {
      ${proxied}
    }
  }
}
`,
  );
  const server = await ChildServer.start({
    name: "nginx",
    core,
    port,
    command: "nginx",
    args: ["-c", config, "-p", folder, "-e", "stderr"],
  });
  return {
    name: "nginx",
    server,
    urls: {
      cached: `http://127.0.0.1:${port}${PATHS.cached}`,
      uncached: `http://127.0.0.1:${port}${PATHS.uncached}`,
    },
    stop: () => server.stop(),
  };
}
