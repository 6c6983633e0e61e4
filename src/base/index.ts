/** What every room may use; knows nothing of the product. */
export { abortable, delay, isAbortOf } from "./abort.ts";
export {
  type Address,
  formatAddress,
  isLoopback,
  isWildcard,
  plainAddress,
  readAddress,
  UNIX,
} from "./address.ts";
export { Backoff, type BackoffOptions } from "./backoff.ts";
export { type Brand } from "./brand.ts";
export { Channel, type PushResult } from "./channel.ts";
export { type Clock, systemClock, type Timer } from "./clock.ts";
export { Deque } from "./deque.ts";
export { errorMessage } from "./error-message.ts";
export { readTextIfPresent, writeFileAtomic } from "./files.ts";
export {
  type Journal,
  type JournalLevel,
  type JournalRecord,
  silentJournal,
} from "./journal.ts";
export { jsonValue } from "./json-value.ts";
export { Latest } from "./latest.ts";
export { ManualClock } from "./manual-clock.ts";
export { moduleBeside } from "./module-beside.ts";
export { isNetwork } from "./network.ts";
export {
  type ChoiceOption,
  type FlagOption,
  type NumberOption,
  type OptionRow,
  type OptionsOf,
  type OptionTable,
  readOptions,
} from "./options.ts";
export {
  PathPattern,
  PathTemplate,
  type PatternReading,
} from "./path-pattern.ts";
export {
  fileKey,
  formatBytes,
  formatDuration,
  parseBytes,
  parseDurationMs,
} from "./units.ts";
export {
  DEFAULT_SOCKET_MODE,
  listenOnSocket,
  refuseSocketInUse,
  removeSocketFile,
} from "./unix-socket.ts";
