import { Argument, Command } from "commander";
import { hashPassword } from "../../proxy/index.ts";
import { readSecret } from "../read-secret.ts";

/** `zoogate password` */
export function passwordCommand(): Command {
  return new Command("password")
    .addArgument(new Argument("<name>", "Name of the user."))
    .addHelpText(
      "after",
      `
Asks for a password on the terminal, or reads one line from stdin, and prints a
line for a file of users (zoogate proxy --users staff=FILE). It holds a hash of
the password (scrypt), not the password.

  zoogate password ann >> staff.users
  pwgen -s 24 1 | zoogate password ann >> staff.users`,
    )
    .action(runPassword);
}

async function runPassword(name: string): Promise<void> {
  if (!/^[!-9;-~](?:[ -9;-~]{0,126}[!-9;-~])?$/.test(name))
    throw new Error(
      `Cannot name a user ${JSON.stringify(name)}: it should be 1 to 128 ASCII characters without ":"`,
    );
  const password = await readSecret(`Password of ${name}: `);
  if (password.length === 0)
    throw new Error(
      "Cannot take an empty password: it should have a character",
    );
  if (process.stdin.isTTY) {
    const again = await readSecret("Once more: ");
    if (!again.equals(password))
      throw new Error("Cannot take the password: it was not the same twice");
  }
  process.stdout.write(`${name}:${await hashPassword(password)}\n`);
}
