import type { FieldsDefinition } from "../registry/index.ts";

/*
 * Fields that a service's definition sets, adds and removes. The registry has
 * checked names and values by the grammar of fields, and refused those that say
 * where a message ends. The few variables stand for what the proxy knows of the
 * connection, never for a stranger's bytes as they came: a host has passed the
 * parser of authorities.
 */

/** What the variables stand for. */
export interface Variables {
  /** Authority that was asked, lower case. */
  readonly host: string;
  readonly scheme: string;
  /** Address of the client. */
  readonly client: string;
}

/** Text and names of variables in turn, text first. */
type Template = readonly string[];

interface Line {
  readonly lowerName: string;
  /** With its end. */
  readonly template: Template;
}

/** The rules for one direction, ready for heads. */
export class HeaderRules {
  /** Names of the fields that go, as {@link folded} gives them. */
  readonly #drops: ReadonlySet<string>;
  readonly #lines: readonly Line[];
  readonly #names: ReadonlySet<string>;
  /** All of them, where none has a variable. */
  readonly #constant: string | undefined;
  /** Fields whose values are not the same for all who ask for one URL. */
  readonly unseen: ReadonlySet<string>;

  private constructor({ set, add, remove }: FieldsDefinition) {
    this.#drops = new Set([...remove, ...Object.keys(set)].map(folded));
    this.#lines = [...Object.entries(set), ...Object.entries(add)].flatMap(
      ([name, values]) =>
        [values].flat().map((value) => ({
          lowerName: name.toLowerCase(),
          template: `${name}: ${value}\r\n`.split(/\{(host|scheme|client)\}/),
        })),
    );
    this.#names = new Set(this.#lines.map(({ lowerName }) => lowerName));
    this.#constant = this.#lines.every(({ template }) => template.length === 1)
      ? this.#lines.map(({ template }) => template[0] ?? "").join("")
      : undefined;
    this.unseen = new Set(
      this.#lines
        .filter(({ template }) =>
          template.some((text, index) => index % 2 === 1 && text !== "host"),
        )
        .map(({ lowerName }) => lowerName),
    );
  }

  static of(definition: FieldsDefinition): HeaderRules | undefined {
    const { set, add, remove } = definition;
    return remove.length > 0 ||
      Object.keys(set).length > 0 ||
      Object.keys(add).length > 0
      ? new HeaderRules(definition)
      : undefined;
  }

  /** Of the fields that are put in, in lower case. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  drops(name: string): boolean {
    return this.#drops.size > 0 && this.#drops.has(folded(name));
  }

  /** The lines that are put in. */
  lines(variables: Variables): string {
    return (
      this.#constant ??
      this.#lines.map(({ template }) => filled(template, variables)).join("")
    );
  }

  /** Those of them whose field a head does not have. */
  missingLines(head: string, variables: Variables): string {
    const lower = head.toLowerCase();
    return this.#lines
      .filter(({ lowerName }) => !lower.includes(`\r\n${lowerName}:`))
      .map(({ template }) => filled(template, variables))
      .join("");
  }
}

function filled(template: Template, variables: Variables): string {
  let text = "";
  for (const [index, part] of template.entries())
    if (index % 2 === 0) text += part;
    else if (part === "host") text += safe(variables.host);
    else if (part === "scheme") text += safe(variables.scheme);
    else text += safe(variables.client);
  return text;
}

/** Hosts, schemes and addresses have nothing else: a last door, should one ever. */
function safe(text: string): string {
  return /^[A-Za-z0-9.:[\]_~%-]*$/.test(text) ? text : "";
}

/** What writes `_` for `-` (CGI, WSGI, PHP) must not get a field past a rule. */
function folded(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/**
 * Lines of a head, its first one included, with each line's replacement: empty
 * text drops it, undefined leaves it. `lines` go to the end. The empty line
 * that ends a head may be missing.
 */
export function changeHead(
  head: string,
  change: (name: string, line: string) => string | undefined,
  lines: string,
): string {
  let changed = "";
  let kept = 0;
  let from = head.indexOf("\r\n") + 2;
  let end = head.indexOf("\r\n", from);
  while (end > from) {
    const line = head.slice(from, end + 2);
    const instead = change(line.slice(0, line.indexOf(":")), line);
    if (instead !== undefined) {
      changed += head.slice(kept, from) + instead;
      kept = end + 2;
    }
    from = end + 2;
    end = head.indexOf("\r\n", from);
  }
  // `from` is at the empty line, or at the end of a head without one.
  return changed + head.slice(kept, from) + lines + head.slice(from);
}
