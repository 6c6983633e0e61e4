/**
 * Checks what would be published: packs the build, unpacks it where nothing of
 * this repository is near, and uses it as a stranger would: every export is
 * imported, the bin answers `--help`, and no test or source lies in it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "zoogate-package-"));
try {
  check(pack());
} finally {
  rmSync(folder, { recursive: true });
}

function pack(): Packed {
  const printed = execFileSync(
    "npm",
    ["pack", "--json", "--silent", "--pack-destination", folder],
    { cwd: root, encoding: "utf8" },
  );
  const parsed: unknown = JSON.parse(printed);
  // npm 12 prints an object by package name, earlier ones a list.
  const list: readonly unknown[] = Array.isArray(parsed)
    ? parsed
    : Object.values(parsed as object);
  return list[0] as Packed; // npm's own format
}

function check(packed: Packed): void {
  const strays = packed.files
    .map((file) => file.path)
    .filter((path) => /\.(?:test|fixture)\.|^src\/|^test\//u.test(path));
  if (strays.length > 0)
    throw new Error(`Cannot publish ${strays.join(", ")}: tests and sources`);
  const installed = join(folder, "node_modules", "zoogate");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", [
    "-xzf",
    join(folder, packed.filename),
    "--strip-components=1",
    "-C",
    installed,
  ]);
  // Its dependencies are those of the repository, without a second download.
  symlinkSync(
    join(root, "node_modules"),
    join(installed, "node_modules"),
    "dir",
  );
  for (const name of [
    "zoogate",
    "zoogate/zookeeper",
    "zoogate/target",
    "zoogate/keeper",
  ])
    execFileSync(
      process.execPath,
      ["--input-type=module", "-e", `await import("${name}")`],
      { cwd: folder, stdio: ["ignore", "inherit", "inherit"] },
    );
  const help = execFileSync(
    process.execPath,
    [join(installed, "dist/cli/bin.js"), "--help"],
    { cwd: folder, encoding: "utf8" },
  );
  if (!help.includes("zoogate demo")) throw new Error("Cannot find the help");
  console.log(
    `package: ${packed.files.length} files, ${Math.round(packed.unpackedSize / 1024)} KiB unpacked`,
  );
}
