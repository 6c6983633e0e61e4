import * as v from "valibot";
import {
  type Clock,
  errorMessage,
  type Journal,
  readTextIfPresent,
  systemClock,
  writeFileAtomic,
} from "../base/index.ts";
import { registryIdentity } from "./connect-string.ts";
import { formatDefinition, parseDefinition } from "./definition-schema.ts";
import type { ServiceView, Snapshot, TargetView } from "./snapshot.ts";
import { registrationText, viewOf, recordOf } from "./target-entry.ts";
import { formatTargetRecord, parseTargetRecord } from "./target-record.ts";

/** Why a file was not used. */
export type SnapshotRefusal = "unreadable" | "another-registry" | "too-old";

export type SnapshotLoad =
  | {
      readonly kind: "loaded";
      readonly snapshot: Snapshot;
      readonly ageMs: number;
    }
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly because: SnapshotRefusal };

export interface SnapshotFileOptions {
  readonly path: string;
  /** Of the registry, as the operator wrote it. */
  readonly connectString: string;
  readonly journal: Journal;
  readonly clock?: Clock;
  /** A snapshot confirmed longer ago is refused; without it, it is used with an error record. */
  readonly maxAgeMs?: number;
}

/** A snapshot confirmed longer ago is an error for the operator. */
const OLD_MS = 24 * 3_600_000;
const FORMAT = 1;

const Hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{1,16}$/));
const FileSchema = v.object({
  format: v.literal(FORMAT),
  registry: v.string(),
  confirmedAtMs: v.number(),
  appliedZxid: Hex,
  services: v.array(
    v.object({
      name: v.string(),
      czxid: Hex,
      definition: v.string(),
      currentRelease: v.optional(v.string()),
      targets: v.array(
        v.object({
          name: v.string(),
          czxid: Hex,
          mzxid: Hex,
          suspect: v.optional(v.boolean(), false),
          record: v.string(),
        }),
      ),
    }),
  ),
});
type FileContent = v.InferOutput<typeof FileSchema>;

/**
 * The last snapshot on disk, so that a proxy which starts while ZooKeeper is
 * away knows its sites. It says which registry it is of; another one's is
 * never used.
 */
export class SnapshotFile {
  readonly #options: SnapshotFileOptions;
  readonly #clock: Clock;
  readonly #identity: string;
  #writing: Promise<void> = Promise.resolve();
  #retired = false;

  constructor(options: SnapshotFileOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#identity = registryIdentity(options.connectString);
  }

  /** Never throws: what cannot be read is told to the journal. */
  async load(): Promise<SnapshotLoad> {
    const { path } = this.#options;
    let content: FileContent;
    try {
      const text = await readTextIfPresent(path);
      if (text === undefined) return { kind: "none" };
      content = v.parse(FileSchema, JSON.parse(text));
    } catch (error) {
      return this.#refuse("unreadable", errorMessage(error));
    }
    if (content.registry !== this.#identity)
      return this.#refuse(
        "another-registry",
        `it is of ${content.registry}, this proxy serves ${this.#identity}`,
      );
    const ageMs = Math.max(0, this.#clock.wallMs() - content.confirmedAtMs);
    const { maxAgeMs } = this.#options;
    if (maxAgeMs !== undefined && ageMs > maxAgeMs)
      return this.#refuse("too-old", `it was confirmed ${hours(ageMs)} h ago`);
    if (ageMs > OLD_MS)
      this.#options.journal({
        level: "error",
        room: "registry",
        event: "snapshot-old",
        message: `The snapshot in ${path} was confirmed ${hours(ageMs)} h ago: it is used until ZooKeeper answers`,
        path,
        ageMs,
      });
    return { kind: "loaded", snapshot: this.#read(content), ageMs };
  }

  /** Another process keeps the file from here on. */
  retire(): Promise<void> {
    this.#retired = true;
    return this.#writing;
  }

  /** Replaces the file; one write at a time, in the order of the calls. */
  save(snapshot: Snapshot): Promise<void> {
    if (this.#retired) return this.#writing;
    const text = JSON.stringify(contentOf(snapshot, this.#identity));
    this.#writing = this.#writing.then(() => this.#write(text));
    return this.#writing;
  }

  async #write(text: string): Promise<void> {
    try {
      await writeFileAtomic(this.#options.path, text);
    } catch (error) {
      this.#options.journal({
        level: "warn",
        room: "registry",
        event: "snapshot-not-saved",
        message: `Cannot save the snapshot to ${this.#options.path}: ${errorMessage(error)}`,
        error,
      });
    }
  }

  #refuse(because: SnapshotRefusal, detail: string): SnapshotLoad {
    const { journal, path } = this.#options;
    journal({
      level: "warn",
      room: "registry",
      event: "snapshot-refused",
      message: `Cannot use the snapshot in ${path}: ${detail}`,
      path,
      because,
    });
    return { kind: "refused", because };
  }

  #read(content: FileContent): Snapshot {
    const services = new Map<string, ServiceView>();
    for (const service of content.services) {
      const view = readService(service);
      if (view !== undefined) services.set(view.name, view);
      else this.#refuse("unreadable", `service ${service.name} is not valid`);
    }
    return {
      services,
      appliedZxid: BigInt(`0x${content.appliedZxid}`),
      confirmedAtMs: content.confirmedAtMs,
    };
  }
}

function hours(ms: number): string {
  return (ms / 3_600_000).toFixed(1);
}

function contentOf(snapshot: Snapshot, registry: string): FileContent {
  return {
    format: FORMAT,
    registry,
    confirmedAtMs: snapshot.confirmedAtMs,
    appliedZxid: snapshot.appliedZxid.toString(16),
    services: [...snapshot.services.values()].map((service) => ({
      name: service.name,
      czxid: service.czxid.toString(16),
      definition: formatDefinition(service.definition),
      currentRelease: service.currentRelease,
      targets: [...service.targets.values()].map((target) => ({
        name: target.name,
        czxid: target.czxid.toString(16),
        mzxid: target.mzxid.toString(16),
        suspect: target.state === "suspect",
        record: formatTargetRecord(recordOf(target)),
      })),
    })),
  };
}

type FileService = FileContent["services"][number];

function readService(service: FileService): ServiceView | undefined {
  const parsed = parseDefinition(Buffer.from(service.definition));
  if (parsed.kind === "reject" || parsed.value.kind !== "definition")
    return undefined;
  const targets = new Map<string, TargetView>();
  for (const target of service.targets) {
    const view = readTarget(service.name, target);
    if (view !== undefined) targets.set(view.name, view);
  }
  return {
    name: service.name,
    czxid: BigInt(`0x${service.czxid}`),
    definition: parsed.value.definition,
    currentRelease: service.currentRelease,
    targets,
  };
}

function readTarget(
  service: string,
  target: FileService["targets"][number],
): TargetView | undefined {
  const record = parseTargetRecord(Buffer.from(target.record));
  if (record.kind === "reject") return undefined;
  const czxid = BigInt(`0x${target.czxid}`);
  return viewOf(
    {
      service,
      name: target.name,
      registration: registrationText(service, target.name, czxid),
      czxid,
      mzxid: BigInt(`0x${target.mzxid}`),
      record: record.value,
      presence: target.suspect ? "suspect" : "loaded",
      failure: undefined,
    },
    undefined,
  );
}
