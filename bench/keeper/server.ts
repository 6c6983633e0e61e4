/** A keeper in a process of its own: prints its port. Arguments: data file, or nothing. */
import { startKeeper } from "../../src/keeper/index.ts";

const dataFile = process.argv[2];
const keeper = await startKeeper({ dataFile });
console.log(keeper.port);
process.on("SIGTERM", () => void keeper.close());
