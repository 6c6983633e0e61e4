import { Command, InvalidArgumentError, Option } from "commander";
import { resolve } from "node:path";
import { readAddress, UNIX } from "../../base/index.ts";
import {
  type HealthCheck,
  parseHealthCheck,
  runRegister,
} from "../../target/index.ts";
import {
  addTargetOptions,
  type TargetFlags,
  withTarget,
} from "../target-flags.ts";

interface RegisterFlags extends TargetFlags {
  readonly port?: number;
  readonly socket?: string;
  readonly check: HealthCheck;
  readonly checkProxyProtocol?: "v1" | "v2";
}

/** `zoogate register` */
export function registerCommand(): Command {
  const command = new Command("register")
    .argument("[command...]", "runs this server (write it after --)")
    .addOption(
      new Option(
        "--port <number>",
        "the port that the server listens on",
      ).argParser(parsePort),
    )
    .addOption(
      new Option(
        "--socket <path>",
        "in place of a port: the Unix socket that the server listens on",
      )
        .argParser(parseSocket)
        .conflicts("port"),
    )
    .addOption(
      new Option(
        "--check-proxy-protocol <version>",
        "checks begin with a header of the PROXY protocol, as the service's definition has it",
      ).choices(["v1", "v2"]),
    )
    .addOption(
      new Option(
        "--check <path|tcp>",
        "healthy is: GET path answers 200 to 399, or a connection is accepted",
      )
        .argParser(parseCheck)
        .default({ kind: "tcp" }, "tcp"),
    );
  return addTargetOptions(command)
    .addHelpText(
      "after",
      `
With a command: runs it (with PORT set), registers it after its first good
check, and ends with its exit status. Without one: registers whatever answers
on the port, for as long as it is healthy. The release is --release, else the
commit of a clean git checkout here, else none.

On SIGTERM the target leaves in order, then the command is stopped.

  zoogate register --service api --port 3000 --check /health -- node server.js`,
    )
    .action(async (words: readonly string[], flags: RegisterFlags) => {
      const [file, ...args] = words;
      const { port, socket, checkProxyProtocol } = flags;
      if (port === undefined && socket === undefined)
        command.error("error: give --port NUMBER, or --socket PATH");
      await withTarget(flags, async (options) => {
        process.exitCode = await runRegister({
          ...options,
          port: port ?? 0,
          socketPath: socket,
          proxyProtocol: checkProxyProtocol,
          check: flags.check,
          command: file === undefined ? undefined : { file, args },
        });
      });
    });
}

function parsePort(value: string): number {
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError("It should be a port, 1 to 65535.");
}

function parseSocket(value: string): string {
  const path = value.startsWith(UNIX) ? value.slice(UNIX.length) : value;
  const address = readAddress(UNIX + resolve(path));
  if (address?.socketPath !== undefined) return address.socketPath;
  throw new InvalidArgumentError(
    "It should be the path of a socket, of at most 103 bytes.",
  );
}

function parseCheck(value: string): HealthCheck {
  try {
    return parseHealthCheck(value);
  } catch (error) {
    throw new InvalidArgumentError(
      error instanceof Error ? error.message : String(error),
    );
  }
}
