import type { Option } from "commander";
import { fileKey } from "../base/index.ts";
import { resolveSettings, settingsOf, valuesOf } from "../config/index.ts";
import type { KeeperOptions } from "../keeper/index.ts";
import { keeperOptionTable } from "../keeper/options.ts";
import {
  givenFlags,
  type ParsedFlags,
  settingOptions,
} from "./setting-flags.ts";

const { disableAddWatch: _tests, open: _own, ...NUMBERS } = keeperOptionTable;
const SECTION = "keeper";
const KIND = { duration: "duration", size: "size", none: "number" } as const;

/** Every number of a keeper, with a flag of its name. */
const keeperSettings = settingsOf({
  [SECTION]: { key: SECTION, doc: "The keeper.", rows: NUMBERS },
}).map((setting) => ({
  ...setting,
  row: {
    ...setting.row,
    flag: `--${kebabCase(fileKey(setting.name))} <${KIND[setting.unit]}>`,
  },
}));

/** The flags of a keeper's limits. */
export function keeperLimitOptions(): readonly Option[] {
  return settingOptions(keeperSettings);
}

/**
 * Flag, else environment, else default, for every limit.
 * @throws ConfigError with all that is wrong
 */
export function readKeeperLimits(
  parsed: ParsedFlags,
  env: NodeJS.ProcessEnv,
): Partial<Pick<KeeperOptions, keyof typeof NUMBERS>> {
  const resolved = resolveSettings(keeperSettings, {
    flags: givenFlags(keeperSettings, parsed),
    env,
    file: undefined,
  });
  return valuesOf(resolved)[SECTION] as Record<keyof typeof NUMBERS, number>; // each row is a number and was checked
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}
