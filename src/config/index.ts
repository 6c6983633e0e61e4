/** Files, environment and flags, checked and made into plain values. */
export {
  type Address,
  formatAddress,
  isLoopback,
  isWildcard,
  parseAddress,
} from "./address.ts";
export { type DigestCredentials, readAuthFile } from "./auth-file.ts";
export { ConfigError, type ConfigFault } from "./config-error.ts";
export { defaultDataFolder, stateFolder } from "./state-folder.ts";
