import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";
import { CONTENTS } from "./scenarios.ts";

/**
 * Varnish with its defaults, its store in memory. Its log in shared memory is
 * always written; the program that prints it is not run, so it has no access log.
 */
export async function startVarnish(stage: Stage): Promise<Contender> {
  const { folder, core, originPort } = stage;
  const port = await freePort();
  const workFolder = join(folder, `varnish-${port}`);
  await mkdir(workFolder, { recursive: true });
  const config = join(workFolder, "bench.vcl");
  await writeFile(
    config,
    `vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "${originPort}"; }
sub vcl_recv {
  if (req.url != "${CONTENTS.cached.path}") { return (pass); }
}
sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; }
  else { set resp.http.X-Cache = "MISS"; unset resp.http.Age; }
}
`,
  );
  const server = await ChildServer.start({
    name: "varnish",
    core,
    port,
    command: "varnishd",
    args: [
      "-F",
      "-j",
      "none",
      "-n",
      workFolder,
      "-f",
      config,
      "-a",
      `127.0.0.1:${port}`,
      "-s",
      "malloc,64m",
      "-p",
      "timeout_idle=600",
    ],
  });
  return {
    name: "Varnish",
    server,
    http: `http://127.0.0.1:${port}`,
    stop: () => server.stop(),
  };
}
