#!/usr/bin/env node
// Only syntax that old versions parse: the check below is for them.
const NEEDED_MAJOR = 24;
const major = Number(process.versions.node.split(".")[0]);
if (major >= NEEDED_MAJOR) {
  const { main } = await import("./main.ts");
  await main(process.argv.slice(2));
} else {
  process.stderr.write(
    `zoogate: Cannot run on Node.js ${process.version}: it needs ${NEEDED_MAJOR} or newer\n`,
  );
  process.exitCode = 1;
}
