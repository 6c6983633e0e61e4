/** A keeper in a process of its own, which can stand still while the test goes on, and go on while the test stands still. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(
  new URL("./keeper-process-main.ts", import.meta.url),
);

export interface KeeperProcess extends AsyncDisposable {
  readonly port: number;
  readonly connectString: string;
  /** By the proxy before it, whose connections `cut` ends. */
  readonly cutConnectString: string;
  cut(): void;
  /** SIGSTOP: the kernel still takes bytes, nobody answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
}

export async function startKeeperProcess({
  tickTimeMs = 2_000,
}: { readonly tickTimeMs?: number } = {}): Promise<KeeperProcess> {
  const child = spawn(process.execPath, [PROGRAM, String(tickTimeMs)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  exited.catch(() => {}); // not started: the ports never come
  child.stdin.on("error", () => {});
  const ports = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    exited.then(() => ["0 0"]),
  ]);
  const [port, proxyPort] = String(ports[0]).split(" ").map(Number);
  if (!port) throw new Error("Cannot start a keeper process: it has ended");
  return {
    port,
    connectString: `127.0.0.1:${port}`,
    cutConnectString: `127.0.0.1:${proxyPort}`,
    cut: () => void child.stdin.write("cut\n"),
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
