/** A keeper in a process of its own, to be killed: prints its port. Arguments: file, port. */
import { startKeeper } from "../../src/keeper/index.ts";

const [dataFile, port = "0"] = process.argv.slice(2);
const keeper = await startKeeper({ dataFile, port: Number(port) });
console.log(keeper.port);
