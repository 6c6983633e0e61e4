import { Command, CommanderError } from "commander";
import { COMMANDS } from "./commands.ts";
import { reportFatal } from "./fatal.ts";
import { packageVersion } from "./package-version.ts";

const USAGE_ERROR = 2;

const AFTER_HELP = `
Try it:
  zoogate demo                          a keeper, two replicas and a proxy on this machine
  zoogate keeper                        one machine's coordinator, no JVM needed
  zoogate serve ./site --service www    serve a folder and register it
  zoogate proxy                         answer on port 8080 for all that is registered

Each command has its own --help.`;

/**
 * Runs one command. Sets the process's exit code: 0 when it ended well, 1 when
 * it could not go on, 2 when it was called wrongly.
 */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command("zoogate")
    .description("A reverse proxy whose routing table is Apache ZooKeeper.")
    .version(await packageVersion(), "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    // A command's flags are its own, where it has commands below it, too.
    .enablePositionalOptions()
    .showHelpAfterError("(see zoogate --help)")
    .addHelpText("after", AFTER_HELP)
    .exitOverride();
  for (const [name, entry] of Object.entries(COMMANDS)) {
    // Only the command that was asked for is loaded: start time counts.
    const command = args[0] === name ? await entry.load() : new Command(name);
    command.description(entry.summary).exitOverride();
    command.helpOption("-h, --help", "print this help");
    command.showHelpAfterError(`(see zoogate ${name} --help)`);
    program.addCommand(command);
  }
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError)
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
    else reportFatal(error);
  }
}
