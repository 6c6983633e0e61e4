import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { moduleBeside } from "../../src/base/index.ts";
import { seedFromEnvironment } from "./http-random.ts";

const soakSeconds = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? "0");
const durationMs = soakSeconds > 0 ? soakSeconds * 1000 : 5000;

describe("parseRequestHead() and parseResponseHead()", () => {
  it("accept nothing that Node's strict parser refuses or reads otherwise, but for the differences explained", async (t) => {
    const seed = seedFromEnvironment();
    const child = spawn(
      process.execPath,
      [
        "--expose-internals",
        "--no-warnings",
        fileURLToPath(
          moduleBeside(import.meta.url, "./http-differential-child"),
        ),
        String(seed),
        String(durationMs),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const [code] = (await once(child, "close")) as [number | null]; // Node's own event
    t.diagnostic(output.trim());
    assert.equal(code, 0, `ZOOGATE_SEED=${seed} repeats this:\n${output}`);
  });
});
