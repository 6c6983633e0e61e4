/**
 * `zoogate register`: keeps any server registered while it is healthy.
 *
 *   starting ──first good check──▶ registered ──down──▶ waiting ──good──▶ registered
 *   any ──signal──▶ draining ──▶ command stopped ──▶ end
 *   any ──command ended──▶ node removed ──▶ end with the command's status
 */
import {
  type Address,
  isAbortOf,
  isLoopback,
  type Journal,
  systemClock,
} from "../base/index.ts";
import { addressUrl } from "./advertise.ts";
import { commitLabel, readGitState } from "./git-commit.ts";
import {
  checkOnce,
  type CheckOptions,
  type HealthCheck,
  healthTurns,
  type HealthTurn,
} from "./health-check.ts";
import { leave } from "./leave.ts";
import type { Registrar, ReleaseFacts, TargetFacts } from "./registrar.ts";
import {
  factsOf,
  lostError,
  type RegistrationOptions,
  started,
} from "./run-serve.ts";
import {
  type CommandEnd,
  type CommandLine,
  endText,
  exitStatus,
  SupervisedCommand,
} from "./supervised-command.ts";
import { TargetError } from "./target-error.ts";

export interface RunRegisterOptions extends RegistrationOptions {
  /** The port that the server listens on; 0 where it listens on a Unix socket. */
  readonly port: number;
  readonly socketPath?: string | undefined;
  /** Its checks begin with a header of the PROXY protocol, as the service's definition has it. */
  readonly proxyProtocol?: CheckOptions["proxyProtocol"];
  /** Default: tcp. */
  readonly check?: HealthCheck | undefined;
  /** Without it the port is only watched. */
  readonly command?: CommandLine | undefined;
  /** Where the command runs and the release is read; default: the working directory. */
  readonly cwd?: string | undefined;
}

/**
 * Resolves with the exit status: the command's own, or 0 when it was stopped by
 * `signal`.
 * @throws TargetError when it cannot start, or cannot be or stay registered
 */
export async function runRegister(
  options: RunRegisterOptions,
): Promise<number> {
  const { command, port, socketPath, cwd = process.cwd() } = options;
  // What cannot be registered is not started either.
  const [address] = addressesOf(options);
  const facts = await factsOf(address, options);
  const release = await readRelease(options.release, cwd);
  if (command === undefined)
    return new Watch(options, facts, undefined).run(release);
  await refusePortInUse(options);
  await using running = await SupervisedCommand.start(command, {
    cwd,
    env:
      socketPath === undefined
        ? { PORT: String(port), ...process.env }
        : process.env,
  });
  return await new Watch(options, facts, running).run(release);
}

type Facts = Omit<TargetFacts, "release" | "commit">;

class Watch {
  readonly #options: RunRegisterOptions;
  readonly #facts: Facts;
  readonly #command: SupervisedCommand | undefined;
  readonly #failed = new AbortController();
  #end: CommandEnd | undefined;
  #registrar: Registrar | undefined;
  #everUp = false;

  constructor(
    options: RunRegisterOptions,
    facts: Facts,
    command: SupervisedCommand | undefined,
  ) {
    this.#options = options;
    this.#facts = facts;
    this.#command = command;
  }

  async run(release: ReleaseFacts): Promise<number> {
    const ended = new AbortController();
    void this.#command?.ended.then((end) => {
      this.#end = end;
      ended.abort();
    });
    const ending = AbortSignal.any([
      this.#options.signal,
      this.#failed.signal,
      ended.signal,
    ]);
    try {
      await this.#follow(release, ending);
    } catch (error) {
      if (!isAbortOf(error, ending)) throw error;
    } finally {
      if (!this.#options.signal.aborted || this.#end !== undefined)
        await this.#registrar?.close();
    }
    this.#failed.signal.throwIfAborted();
    return this.#end === undefined
      ? this.#leave()
      : this.#commandEnded(this.#end);
  }

  async #follow(first: ReleaseFacts, ending: AbortSignal): Promise<void> {
    let release = first;
    const turns = healthTurns({
      ...checkOptions(this.#options),
      signal: ending,
    });
    for await (const turn of turns) {
      switch (turn.kind) {
        case "up":
          if (this.#everUp && this.#command === undefined)
            release = await readRelease(this.#options.release, this.#cwd);
          this.#everUp = true;
          this.#register(turn.address, release, ending);
          break;
        case "down":
          tellDown(this.#options.journal, this.#facts, turn);
          await this.#forget();
          break;
        default:
          turn satisfies never;
      }
    }
  }

  async #forget(): Promise<void> {
    const registrar = this.#registrar;
    this.#registrar = undefined;
    await registrar?.close();
  }

  get #cwd(): string {
    return this.#options.cwd ?? process.cwd();
  }

  /** Goes on by itself: health is watched also while ZooKeeper is away. */
  #register(
    answering: Address,
    release: ReleaseFacts,
    ending: AbortSignal,
  ): void {
    const { clock = systemClock, journal, onReady } = this.#options;
    const facts = { ...this.#facts, ...this.#urlFor(answering), ...release };
    const registrar = this.#options.openRegistrar(facts);
    this.#registrar = registrar;
    const fail = (error: unknown) => {
      if (this.#registrar === registrar && !ending.aborted)
        this.#failed.abort(error);
    };
    void registrar.lost.then((error) => fail(lostError(error)));
    started(registrar, { journal, clock, ending }).then(() => {
      if (this.#registrar !== registrar) return;
      const { service, name, url } = facts;
      onReady?.({
        service,
        name,
        url,
        address: answering,
        release: release.release,
      });
    }, fail);
  }

  /** A server that answers on `::1` alone is registered there. */
  #urlFor(answering: Address): { readonly url: string } {
    const assumed = URL.parse(this.#facts.url);
    const chosen =
      this.#options.advertise !== undefined ||
      assumed === null ||
      !isLoopback(assumed.hostname);
    return { url: chosen ? this.#facts.url : addressUrl(answering) };
  }

  async #leave(): Promise<number> {
    const { journal, clock = systemClock, kill } = this.#options;
    const registrar = this.#registrar;
    const drained =
      registrar === undefined
        ? undefined
        : leave({ registrar, journal, clock, kill });
    // A command that ends meanwhile needs no more patience.
    await Promise.race([drained, this.#command?.ended].filter(isPresent));
    if (this.#end !== undefined) await registrar?.close();
    const end = await this.#command?.stop({ kill });
    if (end === undefined) return 0;
    // It was told to go; dying of that very signal is a clean end.
    return end.kind === "signal" && end.signal === "SIGTERM"
      ? 0
      : exitStatus(end);
  }

  #commandEnded(end: CommandEnd): number {
    const early = !this.#everUp;
    this.#options.journal({
      level: "error",
      room: "target",
      event: "command-ended",
      message: early
        ? `The command ended (${endText(end)}) before ${placeOf(this.#options)} answered`
        : `The command ended (${endText(end)}); its registration is removed`,
      end: endText(end),
    });
    return early ? exitStatus(end) || 1 : exitStatus(end);
  }
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** `--release`, else the commit of a clean checkout, else none. */
async function readRelease(
  given: string | undefined,
  cwd: string,
): Promise<ReleaseFacts> {
  const git = await readGitState(cwd);
  const ofGit = git?.clean === true ? git.commit : undefined;
  return { release: given ?? ofGit, commit: commitLabel(git) };
}

type Place = Pick<RunRegisterOptions, "port" | "socketPath">;

function addressesOf({
  port,
  socketPath,
}: Place): readonly [Address, ...Address[]] {
  if (socketPath !== undefined) return [{ host: "", port: 0, socketPath }];
  // Servers that listen on "localhost" may be on the second alone.
  return [
    { host: "127.0.0.1", port },
    { host: "::1", port },
  ];
}

function placeOf({ port, socketPath }: Place): string {
  return socketPath ?? `port ${port}`;
}

function checkOptions(options: RunRegisterOptions): CheckOptions {
  const { check = { kind: "tcp" }, hosts = [], proxyProtocol } = options;
  return {
    addresses: addressesOf(options),
    proxyProtocol,
    check,
    hostName: hosts[0],
  };
}

async function refusePortInUse(options: RunRegisterOptions): Promise<void> {
  const result = await checkOnce({
    ...checkOptions(options),
    check: { kind: "tcp" },
  });
  if (result.kind === "refused") return;
  throw new TargetError(
    "port-already-answers",
    `Cannot start the command: ${placeOf(options)} already answers, and its owner would be registered in the command's place`,
  );
}

function tellDown(
  journal: Journal,
  facts: Facts,
  turn: Extract<HealthTurn, { readonly kind: "down" }>,
): void {
  const { result } = turn;
  const why = result.kind === "bad" ? result.detail : "connection refused";
  journal({
    level: "warn",
    room: "target",
    event: "target-down",
    message: `${facts.name} of ${facts.service} does not answer (${why}); it is registered again when it does`,
    service: facts.service,
    target: facts.name,
  });
}
