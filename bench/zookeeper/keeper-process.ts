/** A keeper in memory in a process of its own: prints its connect string, ends with its parent. */
import { startKeeper } from "../../src/keeper/index.ts";

const keeper = await startKeeper();
console.log(keeper.connectString);
process.stdin.resume().on("end", () => void keeper.close());
