import type { Command } from "commander";

interface CommandEntry {
  /** One line for `zoogate --help`. */
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command, in the order in which help names them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  demo: {
    summary: "Show all of it on this machine: keeper, two replicas, proxy.",
    load: async () => (await import("./commands/demo.ts")).demoCommand(),
  },
  proxy: {
    summary: "Answer HTTP for every service registered in ZooKeeper.",
    load: async () => (await import("./commands/proxy.ts")).proxyCommand(),
  },
  serve: {
    summary: "Serve a folder over HTTP and register it as a target.",
    load: async () => (await import("./commands/serve.ts")).serveCommand(),
  },
  register: {
    summary: "Register any server as a target while it is healthy.",
    load: async () =>
      (await import("./commands/register.ts")).registerCommand(),
  },
  keeper: {
    summary: "Run a coordinator that speaks ZooKeeper's protocol.",
    load: async () => (await import("./commands/keeper.ts")).keeperCommand(),
  },
  status: {
    summary: "Print services, targets, counts and proxies from ZooKeeper.",
    load: async () => (await import("./commands/status.ts")).statusCommand(),
  },
  password: {
    summary: "Make a line for a file of users, of a password.",
    load: async () =>
      (await import("./commands/password.ts")).passwordCommand(),
  },
};
