/**
 * Writes the reference of docs/configuration.md from the tables that the proxy
 * reads its settings by. With --check it writes nothing, and exits 1 when the
 * page is not as it would be written.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format } from "prettier";
import {
  expectedForm,
  formatSetting,
  PROXY_SECTIONS,
  proxySettings,
  type Setting,
} from "../src/config/index.ts";

const PAGE = join(import.meta.dirname, "..", "docs", "configuration.md");
const BEGIN = "<!-- written by scripts/write-option-reference.ts: begin -->";
const END = "<!-- end -->";

const page = await readFile(PAGE, "utf8");
const next = await format(withReference(page, reference()), {
  parser: "markdown",
});
if (next === page) console.log("docs/configuration.md is up to date");
else if (process.argv.includes("--check")) {
  console.error(
    "docs/configuration.md is not as its tables are: run node scripts/write-option-reference.ts",
  );
  process.exitCode = 1;
} else {
  await writeFile(PAGE, next);
  console.log("docs/configuration.md was written");
}

function withReference(text: string, written: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  if (begin === -1 || end === -1)
    throw new TypeError(`Cannot find ${BEGIN} and ${END} in ${PAGE}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${written}\n\n${text.slice(end)}`;
}

function reference(): string {
  return Object.entries(PROXY_SECTIONS)
    .map(([section, { key, doc }]) => {
      const title = key === "" ? "At the top of the file" : `\`${key}\``;
      const rows = proxySettings
        .filter((setting) => setting.section === section)
        .map(row);
      return `### ${title}\n\n${doc}\n\n| key | default | values | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}`;
    })
    .join("\n\n");
}

function valuesText(setting: Setting): string {
  const { row: option } = setting;
  if (option.type !== "number") return expectedForm(setting);
  const [from, to] = [option.min, option.max].map((bound) =>
    formatSetting(setting, bound),
  );
  return `${from} to ${to}`;
}

function row(setting: Setting): string {
  const { key, live, row: option } = setting;
  const standard =
    option.defaultText ??
    (option.default === undefined || option.default.toString() === ""
      ? "none"
      : `\`${formatSetting(setting, option.default).replaceAll(/^\[|\]$/gu, "")}\``);
  const name = `\`${key.slice(key.indexOf(".") + 1)}\`${live ? " ↻" : ""}`;
  const flag = option.flag === undefined ? "" : `<br>\`${option.flag}\``;
  const danger = option.danger === undefined ? "" : ` **${option.danger}**`;
  return [
    "",
    name + flag,
    standard,
    valuesText(setting),
    `${option.doc}${danger}`,
    "",
  ]
    .map((cell) => cell.replaceAll("|", "\\|"))
    .join(" | ")
    .trim();
}
