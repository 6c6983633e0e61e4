/**
 * A keeper in memory behind a proxy that cuts: prints both ports; each line of
 * its input cuts all connections made by the proxy; ends with its input.
 * Argument: milliseconds of a tick.
 */
import { createInterface } from "node:readline";
import { startKeeper } from "../../src/keeper/index.ts";
import { startCuttingProxy } from "./cutting-proxy.ts";

const keeper = await startKeeper({ tickTimeMs: Number(process.argv[2]) });
const proxy = await startCuttingProxy(keeper.port);
console.log(`${keeper.port} ${proxy.port}`);
for await (const line of createInterface({ input: process.stdin }))
  if (line === "cut") proxy.cut();
process.exit();
