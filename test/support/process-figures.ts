import { readdirSync, readFileSync } from "node:fs";

/** What a process holds. */
export interface ProcessFigures {
  readonly residentBytes: number;
  readonly files: number;
}

/** Of a process of this machine, as the kernel counts it. */
export function figuresOf(pid: number): ProcessFigures {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB/mu.exec(status)?.[1]);
  return {
    residentBytes: kilobytes * 1024,
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** The sum of a metric's samples whose labels match; NaN when there is none. */
export function metricSum(metrics: string, name: string, labels = ""): number {
  let sum = Number.NaN;
  for (const line of metrics.split("\n")) {
    const match = /^(?<name>\w+)(?<labels>\{.*\})? (?<value>\S+)$/u.exec(line);
    if (match?.groups?.["name"] !== name) continue;
    if (!(match.groups["labels"] ?? "").includes(labels)) continue;
    sum = (Number.isNaN(sum) ? 0 : sum) + Number(match.groups["value"]);
  }
  return sum;
}
