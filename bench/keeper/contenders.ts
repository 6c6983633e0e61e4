/** The servers that are compared: each a process of its own on core 0. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../../test/support/apache-zookeeper.ts";
import { startTarget } from "./pipe.ts";

/** A running server. */
export interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly stop: () => Promise<void> | void;
}

/** Starts one of each kind, runs the action, and stops them all. */
export async function withContenders(
  action: (contenders: readonly Contender[]) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keeper-bench-"));
  const contenders: Contender[] = [];
  try {
    contenders.push(await keeper("keeper, in memory"));
    contenders.push(await keeper("keeper, durable", join(folder, "keeper.db")));
    if (apacheZooKeeperMissing === false) contenders.push(await apache());
    await action(contenders);
  } finally {
    for (const { stop } of contenders) await stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function keeper(name: string, file?: string): Promise<Contender> {
  const server = await startTarget("keeper", file);
  const { pid, port } = server;
  return { name, pid, port, stop: () => server.stop() };
}

async function apache(): Promise<Contender> {
  // For tests the best compiler is off, which starts sooner and runs slower.
  const server = await startApacheZooKeeper({
    javaOptions: ["-Xmx512m", "-XX:TieredStopAtLevel=4"],
  });
  const { pid, port } = server;
  pin(pid, 0);
  return { name: "Apache ZooKeeper", pid, port, stop: () => server.stop() };
}

/** Keeps all threads of a process on one core. */
export function pin(pid: number, core: number): void {
  spawnSync("taskset", ["-acp", String(core), String(pid)]);
}

/** Resident memory of a process in megabytes. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1] ?? 0) / 1_024;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
