/** Files, environment and flags, checked and made into plain values. */
export { isMode, parseAddress, parseListenAddress } from "./address.ts";
export { type DigestCredentials, readAuthFile } from "./auth-file.ts";
export { ConfigError, type ConfigFault } from "./config-error.ts";
export { ConfigFile, type FilePath } from "./config-file.ts";
export {
  DEFAULT_ADMIN,
  DEFAULT_ZOOKEEPER,
  EMBEDDED,
  NO_ZOOKEEPER,
  PROXY_SECTIONS,
  proxySettings,
  type ProxySettings,
} from "./proxy-settings.ts";
export { readText } from "./read-text.ts";
export {
  type Resolved,
  resolveSettings,
  type SettingInputs,
  type SettingSource,
  valuesOf,
} from "./resolve-settings.ts";
export {
  expectedForm,
  formatSetting,
  type SettingValue,
} from "./setting-value.ts";
export {
  type Setting,
  type SettingRow,
  type SettingSection,
  settingsOf,
} from "./setting.ts";
export { defaultDataFolder, stateFolder } from "./state-folder.ts";
