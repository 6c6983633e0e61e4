import type { Document, LineCounter } from "yaml";
import { ConfigError } from "./config-error.ts";
import { readText } from "./read-text.ts";

/** Keys from the top of the file; numbers are places in lists. */
export type FilePath = readonly (string | number)[];

/** Much more than anybody writes by hand. */
const MAX_BYTES = 4_194_304;

/**
 * A YAML file that was read. It knows where everything stands in it, so that
 * whoever checks its values can say file, line and column.
 */
export class ConfigFile {
  readonly path: string;
  /** What it says; an empty file says nothing. */
  readonly root: Readonly<Record<string, unknown>>;
  readonly #document: Document;
  readonly #lines: LineCounter;

  private constructor(
    path: string,
    parsed: {
      readonly root: Readonly<Record<string, unknown>>;
      readonly document: Document;
      readonly lines: LineCounter;
    },
  ) {
    this.path = path;
    this.root = parsed.root;
    this.#document = parsed.document;
    this.#lines = parsed.lines;
  }

  /** @throws ConfigError `unreadable-file`, `bad-file` */
  static async read(path: string): Promise<ConfigFile> {
    return ConfigFile.parse(await readText(path, "the configuration"), path);
  }

  /** @throws ConfigError `bad-file` */
  static async parse(text: string, path: string): Promise<ConfigFile> {
    if (text.length > MAX_BYTES)
      throw new ConfigError(
        "bad-file",
        `${path}: Cannot use it: it has ${text.length} characters, it should have at most ${MAX_BYTES}`,
      );
    // Most proxies have no file: start time counts.
    const yaml = await import("yaml");
    const lines = new yaml.LineCounter();
    const document: Document = yaml.parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
    });
    if (document.errors.length > 0)
      throw new ConfigError(
        "bad-file",
        document.errors.map(
          ({ pos: [offset], message }) =>
            `${placeOf(path, lines, offset)}: It is not YAML: ${message.split("\n")[0] ?? ""}`,
        ),
      );
    let root: unknown;
    try {
      root = document.toJS() ?? {};
    } catch (error) {
      throw new ConfigError("bad-file", `${path}: ${String(error)}`, error);
    }
    if (!isMap(root))
      throw new ConfigError(
        "bad-file",
        `${placeOf(path, lines, 0)}: Cannot use ${JSON.stringify(root)}: it should be keys and their values, as in "listen: 127.0.0.1:8080"`,
      );
    return new ConfigFile(path, { root, document, lines });
  }

  /**
   * `file:line:column` of a value, or of its key; of what is around it where
   * there is no such value.
   */
  where(path: FilePath, on: "key" | "value" = "value"): string {
    for (let length = path.length; length > 0; length--) {
      const part = path.slice(0, length);
      const wantsKey = on === "key" && length === path.length;
      const offset = wantsKey ? this.#keyOffset(part) : this.#offset(part);
      if (offset !== undefined) return placeOf(this.path, this.#lines, offset);
    }
    return placeOf(this.path, this.#lines, 0);
  }

  #offset(path: FilePath): number | undefined {
    return rangeStart(this.#document.getIn(path, true));
  }

  #keyOffset(path: FilePath): number | undefined {
    const parent: unknown =
      path.length === 1
        ? this.#document.contents
        : this.#document.getIn(path.slice(0, -1), true);
    if (!isMap(parent) || !Array.isArray(parent["items"])) return undefined;
    const items: readonly unknown[] = parent["items"];
    for (const item of items) {
      if (!isMap(item) || !isMap(item["key"])) continue;
      if (item["key"]["value"] === path.at(-1)) return rangeStart(item["key"]);
    }
    return undefined;
  }
}

function placeOf(path: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${path}:${Math.max(1, line)}:${Math.max(1, col)}`;
}

function rangeStart(node: unknown): number | undefined {
  if (!isMap(node) || !Array.isArray(node["range"])) return undefined;
  const start: unknown = node["range"][0];
  return typeof start === "number" ? start : undefined;
}

/** Whether it has keys and values: an object that is no list. */
export function isMap(
  value: unknown,
): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
