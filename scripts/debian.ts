/**
 * What the tests need from Debian, and how it gets here: installed where this
 * is root with apt, else left out and counted by the tests that need it.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

interface Need {
  readonly packages: readonly string[];
  /** Files of which each must be there. */
  readonly proof: readonly string[];
  readonly why: string;
}

const NEEDS: readonly Need[] = [
  {
    packages: ["zookeeper", "default-jre-headless"],
    proof: [
      "/usr/share/java/zookeeper.jar",
      "/usr/share/java/slf4j-simple.jar",
      "/usr/bin/java",
    ],
    why: "tests against Apache ZooKeeper",
  },
  {
    packages: ["zookeeper-bin"],
    proof: ["/usr/lib/zookeeper/bin/cli_mt"],
    why: "tests with the C client",
  },
  {
    packages: ["python3-kazoo"],
    proof: ["/usr/lib/python3/dist-packages/kazoo/__init__.py"],
    why: "tests with kazoo",
  },
  {
    packages: ["chromium"],
    proof: ["/usr/bin/chromium"],
    why: "tests with a browser",
  },
];

/** Installs what is missing; answers the needs that stay unmet. */
export function provideDebianPackages(): readonly string[] {
  const missing = NEEDS.filter((need) => !isMet(need));
  if (missing.length === 0) return [];
  const packages = missing.flatMap((need) => need.packages);
  const mayInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (mayInstall) {
    console.log(
      `Installing from Debian, for ${missing.map((need) => need.why).join(" and ")}: ${packages.join(" ")}`,
    );
    apt(["update", "-qq"]);
    apt([
      "install",
      "-y",
      "-qq",
      "--no-install-recommends",
      "-o",
      "Dpkg::Use-Pty=0",
      ...packages,
    ]);
  }
  const unmet = NEEDS.filter((need) => !isMet(need));
  for (const need of unmet)
    console.log(
      `SKIPPED: ${need.why}; to run them: sudo apt-get install ${need.packages.join(" ")}`,
    );
  return unmet.map((need) => need.why);
}

function isMet(need: Need): boolean {
  return need.proof.every((path) => existsSync(path));
}

function apt(args: readonly string[]): void {
  const result = spawnSync("apt-get", args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: 600_000,
  });
  if (result.status !== 0)
    console.log(
      `apt-get ${args[0]} failed${result.error === undefined ? "" : `: ${result.error.message}`}`,
    );
}
