import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";

/** A proxy of npm: what to install, and a program that runs it as its manual shows. */
interface NodeProxy {
  readonly name: string;
  readonly packages: readonly string[];
  /** Reads the port and the origin's URL from `process.argv`. */
  readonly program: string;
}

/** Without kept connections to the origin they would only measure connecting. */
const AGENT = `import http from "node:http";
const [port, target] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
`;

export const NODE_PROXIES = {
  fastify: {
    name: "@fastify/http-proxy",
    packages: ["fastify@5.12.8", "@fastify/http-proxy@11.6.3"],
    program: `import fastify from "fastify";
import proxy from "@fastify/http-proxy";
const [port, upstream] = process.argv.slice(2);
const server = fastify();
server.register(proxy, { upstream });
await server.listen({ host: "127.0.0.1", port: Number(port) });
`,
  },
  "http-proxy-3": {
    name: "http-proxy-3",
    packages: ["http-proxy-3@2.0.1"],
    program: `${AGENT}
import { createProxyServer } from "http-proxy-3";
const proxy = createProxyServer({ target, agent, xfwd: true });
proxy.on("error", (error, request, response) => response.destroy?.());
http.createServer((request, response) => proxy.web(request, response))
  .listen(Number(port), "127.0.0.1");
`,
  },
  httpxy: {
    name: "httpxy",
    packages: ["httpxy@0.5.6"],
    program: `${AGENT}
import { createProxyServer } from "httpxy";
const proxy = createProxyServer({ target, agent, xfwd: true });
http.createServer((request, response) => {
  proxy.web(request, response).catch(() => response.destroy());
}).listen(Number(port), "127.0.0.1");
`,
  },
} as const satisfies Record<string, NodeProxy>;

/** Starts one of them; its packages are installed below the stage's folder first. */
export async function startNodeProxy(
  key: keyof typeof NODE_PROXIES,
  stage: Stage,
): Promise<Contender> {
  const { name, packages, program }: NodeProxy = NODE_PROXIES[key];
  const home = join(stage.folder, "node-field", key);
  await install(home, packages);
  const file = join(home, "proxy.mjs");
  await writeFile(file, program);
  const port = await freePort();
  const server = await ChildServer.start({
    name,
    core: stage.core,
    port,
    command: process.execPath,
    args: [file, String(port), `http://127.0.0.1:${stage.originPort}`],
    env: { NODE_ENV: "production" },
  });
  return {
    name,
    server,
    http: `http://127.0.0.1:${port}`,
    storeless: true,
    stop: () => server.stop(),
  };
}

async function install(
  home: string,
  packages: readonly string[],
): Promise<void> {
  if (existsSync(join(home, "node_modules"))) return;
  await mkdir(home, { recursive: true });
  await writeFile(join(home, "package.json"), '{"private":true}\n');
  console.error(`Installing from npm: ${packages.join(" ")}`);
  await promisify(execFile)(
    "npm",
    [
      "install",
      "--prefix",
      home,
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      ...packages,
    ],
    { timeout: 120_000, cwd: home },
  );
}
