import { readdirSync, readFileSync } from "node:fs";

/**
 * CPU time that a process and everything below it have used, in nanoseconds:
 * the first number of /proc/PID/task/TID/schedstat of each thread, user and
 * system together, which counts nanoseconds where /proc/PID/stat counts ticks
 * of 10 ms. Threads that have ended are not in it: what is measured here
 * starts its threads before the first measurement and keeps them.
 */
export function cpuTimeNs(rootPid: number): bigint {
  return sumOfThreads(rootPid, 0);
}

/**
 * How long the same threads were ready to run while their core was another's,
 * in nanoseconds (the second number): what a busy machine does to a latency.
 */
export function waitTimeNs(rootPid: number): bigint {
  return sumOfThreads(rootPid, 1);
}

function sumOfThreads(rootPid: number, column: number): bigint {
  let sum = 0n;
  for (const pid of processTree(rootPid))
    for (const tid of list(`/proc/${pid}/task`)) {
      const text = read(`/proc/${pid}/task/${tid}/schedstat`);
      if (text !== undefined) sum += BigInt(text.split(" ")[column] ?? "0");
    }
  return sum;
}

/** Resident memory of a process and everything below it, in bytes. */
export function residentBytes(rootPid: number): number {
  let kilobytes = 0;
  for (const pid of processTree(rootPid)) {
    const line = read(`/proc/${pid}/status`)?.match(/^VmRSS:\s+(\d+) kB/m);
    kilobytes += Number(line?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

function processTree(rootPid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of list("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    // The name in parentheses may hold blanks; the parent is the second word after it.
    const stat = read(`/proc/${pid}/stat`);
    const parent = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (!Number.isInteger(parent)) continue;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [rootPid];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it has ended meanwhile
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // it has ended meanwhile
  }
}
