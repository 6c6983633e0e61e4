/**
 * A reporter for `node --test` that ends with what a person wants to know:
 * every failure whole, every skipped test with its reason, and the counts.
 * With ZOOGATE_NO_SKIPS=1 a skipped test fails the run.
 */
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export default async function* summary(
  source: AsyncIterable<TestEvent>,
): AsyncGenerator<string> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  const skips: string[] = [];
  for await (const event of source) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { data } = event;
    if (data.details.type === "suite") continue;
    const where = `${data.file ?? ""}: ${data.name}`;
    if (data.skip !== undefined && data.skip !== false) {
      counts.skipped += 1;
      skips.push(`SKIPPED ${where}: ${String(data.skip)}`);
    } else if (event.type === "test:pass") {
      counts.passed += 1;
    } else {
      counts.failed += 1;
      failures.push(`FAILED ${where}\n${inspect(event.data.details.error)}`);
    }
  }
  yield `\n${[...failures, ...skips].join("\n")}\n`;
  yield `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
  if (process.env["ZOOGATE_NO_SKIPS"] === "1" && counts.skipped > 0) {
    yield "No test may be skipped here\n";
    process.exitCode = 1;
  }
}
