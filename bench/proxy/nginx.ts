import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";
import { nginxPreamble } from "./origin.ts";
import { CONTENTS } from "./scenarios.ts";

/**
 * nginx as its manual sets it up for speed: kept connections to the origin, its
 * store in a folder whose open files are remembered, nothing spooled to a file.
 */
export async function startNginx(stage: Stage): Promise<Contender> {
  const { folder, core, originPort, certificate } = stage;
  const port = await freePort();
  const tlsPort = await freePort();
  await mkdir(join(folder, "nginx-cache"), { recursive: true });
  const config = join(folder, "nginx.conf");
  const accessLogFile = stage.accessLog
    ? join(folder, "nginx-access.log")
    : undefined;
  const proxied = `proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_max_temp_file_size 0;`;
  const tls =
    certificate === undefined
      ? ""
      : `listen 127.0.0.1:${tlsPort} ssl http2 backlog=4096;
    ssl_certificate ${certificate.certFile};
    ssl_certificate_key ${certificate.keyFile};
    ssl_protocols TLSv1.2 TLSv1.3;`;
  await writeFile(
    config,
    `${nginxPreamble(folder, "nginx")}
http {
  access_log ${accessLogFile ?? "off"};
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
    ${tls}
    location = ${CONTENTS.cached.path} {
      ${proxied}
      proxy_cache store;
      add_header X-Cache $upstream_cache_status;
    }
    location / {
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
    http: `http://127.0.0.1:${port}`,
    https: certificate && `https://127.0.0.1:${tlsPort}`,
    accessLogFile,
    stop: () => server.stop(),
  };
}
