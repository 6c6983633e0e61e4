import { availableParallelism } from "node:os";
import { isNetwork, UNIX } from "../base/index.ts";
import { CACHE_OPTIONS } from "../cache/options.ts";
import { keeperOptionTable } from "../keeper/options.ts";
import { PROXY_OPTIONS } from "../proxy/options.ts";
import { CLIENT_OPTIONS } from "../zookeeper/options.ts";
import { isAddress, isListenAddress, isMode } from "./address.ts";
import {
  type SettingSection,
  type SettingTable,
  settingsOf,
  type ValuesOf,
} from "./setting.ts";
import { defaultDataFolder } from "./state-folder.ts";

/** The keeper inside the proxy. */
export const EMBEDDED = "embedded";
/** No registry: the proxy serves what its file says. */
export const NO_ZOOKEEPER = "none";
/** Where the keeper listens unless told otherwise, so where clients look. */
export const DEFAULT_ZOOKEEPER = "127.0.0.1:2181";
/** Where the admin server answers, or on a free port when that is in use. */
export const DEFAULT_ADMIN = "127.0.0.1:9180";

const address = {
  form: "HOST:PORT, as in 127.0.0.1:8080",
  accepts: isAddress,
} as const;

const networks = {
  form: `IP addresses, networks such as "10.0.0.0/8", or "${UNIX}"`,
  accepts: (text: string) => text === UNIX || isNetwork(text),
} as const;

const MAIN = {
  zookeeper: {
    type: "text",
    default: DEFAULT_ZOOKEEPER,
    flag: "--zookeeper <servers>",
    form: "HOST:PORT[,…][/chroot]",
    accepts: (text) => /^\S+$/u.test(text),
    doc: `ZooKeeper as HOST:PORT[,…][/chroot], the chroot being /zoogate unless named; "${EMBEDDED}": a keeper inside, on ${DEFAULT_ZOOKEEPER}; "${NO_ZOOKEEPER}": the services of the configuration file alone.`,
  },
  zookeeperAuth: {
    type: "text",
    default: undefined,
    flag: "--zookeeper-auth <file>",
    form: "the path of a file",
    accepts: isLine,
    path: true,
    doc: "File with one line, user:password; znodes are then made for that user alone.",
  },
  listen: {
    type: "list",
    default: ["0.0.0.0:8080"],
    flag: "--listen <address>",
    form: "HOST:PORT, as in 127.0.0.1:8080, or unix:/PATH",
    accepts: isListenAddress,
    doc: "Where it answers HTTP: ports, and Unix sockets.",
  },
  socketMode: {
    type: "text",
    default: "660",
    flag: "--socket-mode <octal>",
    form: 'octal digits, as in "660"',
    accepts: isMode,
    doc: "Mode of the files of Unix sockets that it listens on.",
    danger: "Who may write to the file may connect.",
  },
  admin: {
    type: "text",
    default: undefined,
    defaultText: `${DEFAULT_ADMIN}, or a free port when that is in use`,
    flag: "--admin <address>",
    ...address,
    doc: "Where /healthz, /readyz, /metrics and /api/snapshot answer.",
    danger: "Whoever reaches it sees every service and target.",
  },
  data: {
    type: "text",
    default: defaultDataFolder(process.env),
    defaultText: "$XDG_STATE_HOME/zoogate, else ~/.local/state/zoogate",
    flag: "--data <dir>",
    form: "the path of a folder",
    accepts: isLine,
    path: true,
    doc: "Where the last routing table and unwritten counts are kept.",
  },
  pidFile: {
    type: "text",
    default: undefined,
    flag: "--pid-file <file>",
    form: "the path of a file",
    accepts: isLine,
    path: true,
    doc: "File with the number of the process that serves, which a successor replaces by its own.",
  },
  takeOverTimeoutMs: {
    type: "number",
    default: 60_000,
    min: 1000,
    max: 3_600_000,
    doc: "A successor, started on SIGUSR2, that does not serve within this is ended, and this process goes on.",
  },
  workers: {
    type: "number",
    default: availableParallelism(),
    defaultText: "one per core",
    min: 1,
    max: 1024,
    flag: "--workers <number>",
    doc: "Threads that answer requests.",
  },
  cacheBytes: {
    type: "number",
    default: 256_000_000,
    min: 0,
    max: 1024 ** 4,
    flag: "--cache-size <megabytes>",
    doc: "Memory for stored answers, of all workers together; taken as it is used.",
    danger: "Memory of the process beside this is not counted.",
  },
  errorPages: {
    type: "text",
    default: undefined,
    flag: "--error-pages <dir>",
    form: "the path of a folder",
    accepts: isLine,
    path: true,
    doc: "Folder with pages for answers with an error: 404.html, 5xx.html and so on, and those of one service in a folder with its name. Read at the start and on SIGHUP.",
  },
  targetCa: {
    type: "text",
    default: undefined,
    flag: "--target-ca <file>",
    form: "the path of a file",
    accepts: isLine,
    path: true,
    doc: "Certificates (PEM) of the authorities that sign those of targets with https urls, in place of the public ones. Read at the start and on SIGHUP.",
  },
  users: {
    type: "list",
    default: [],
    flag: "--users <name=file>",
    form: "names of lists and their files, as in staff=/etc/zoogate/staff.users",
    accepts: isNamedFile,
    path: true,
    pairs: true,
    doc: "A list of users, for services whose auth names it, and the file with their passwords as `zoogate password` writes them. Read again when it changes.",
    danger:
      "Whoever reads the file can try passwords on it: it should be for the proxy's user alone.",
  },
  trust: {
    type: "list",
    default: [],
    flag: "--trust <network>",
    ...networks,
    doc: "Believe X-Forwarded-* and Forwarded from these addresses and networks.",
    danger: "Whoever sends from there can pretend to be any client.",
  },
} as const satisfies SettingTable;

const LOG = {
  format: {
    type: "choice",
    choices: ["text", "json"],
    default: "text",
    flag: "--log-format <format>",
    doc: "How log lines on stderr look.",
  },
  level: {
    type: "choice",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    flag: "--log-level <level>",
    doc: "The least that is logged.",
  },
} as const satisfies SettingTable;

const ACCESS_LOG = {
  file: {
    type: "text",
    default: undefined,
    flag: "--access-log <file>",
    form: 'the path of a file, or "-" for stdout',
    accepts: isLine,
    path: true,
    doc: 'File to which one line is added for each request; "-" is stdout. Opened anew on SIGUSR1.',
  },
  format: {
    type: "choice",
    choices: ["json", "combined"],
    default: "json",
    flag: "--access-log-format <format>",
    doc: "JSON lines, or the combined format of Apache and nginx.",
  },
  records: {
    type: "number",
    default: 65_536,
    min: 256,
    max: PROXY_OPTIONS.accessRecords.max,
    doc: "Requests that each worker keeps until they are written, five times a second or more; beyond it the oldest are lost, and the log says how many.",
    danger: "About 1 KB of memory for each.",
  },
} as const satisfies SettingTable;

const ACCESS = {
  allow: {
    type: "list",
    default: [],
    flag: "--allow <network>",
    ...networks,
    doc: "Only these addresses and networks may connect.",
  },
  deny: {
    type: "list",
    default: [],
    flag: "--deny <network>",
    ...networks,
    doc: "These may not connect, be they allowed or not; open connections of theirs are closed.",
  },
  exempt: {
    type: "list",
    default: [],
    flag: "--exempt <network>",
    ...networks,
    doc: "No limit of a single address holds for these, nor for those of trust.",
  },
} as const satisfies SettingTable;

const { accessRecords: _ring, hstsSeconds, ...LIMIT_ROWS } = PROXY_OPTIONS;

/** Those that are most often set. */
const LIMITS = {
  ...LIMIT_ROWS,
  maxConnectionsPerAddress: {
    ...LIMIT_ROWS.maxConnectionsPerAddress,
    flag: "--connections-per-address <number>",
  },
  requestsPerSecond: {
    ...LIMIT_ROWS.requestsPerSecond,
    flag: "--requests-per-second <number>",
  },
} as const satisfies SettingTable;

const TLS = {
  listen: {
    type: "list",
    default: [],
    flag: "--tls-listen <address>",
    ...address,
    doc: "Where it answers HTTPS: HTTP/2, and HTTP/1.1 to clients without it.",
  },
  cert: {
    type: "list",
    default: [],
    flag: "--tls-cert <file>",
    form: "the path of a file",
    accepts: isLine,
    path: true,
    doc: "Certificate and chain (PEM), chosen by the names in it; the first one is for all other names. Read again when it changes.",
  },
  key: {
    type: "list",
    default: [],
    flag: "--tls-key <file>",
    form: "the path of a file",
    accepts: isLine,
    path: true,
    doc: "Private key (PEM) of the certificate at the same place in the order.",
  },
  redirectHttp: {
    type: "flag",
    default: false,
    flag: "--redirect-http",
    doc: "The listeners without TLS send everybody to HTTPS, but pass /.well-known/acme-challenge/ on.",
  },
  redirectPort: {
    type: "number",
    default: 0,
    min: 0,
    max: 65_535,
    doc: "Port in those redirects; 0: that of the first TLS listener.",
  },
  hstsSeconds: { ...hstsSeconds, flag: "--hsts <seconds>" },
} as const satisfies SettingTable;

const PROXY_PROTOCOL = {
  from: {
    type: "list",
    default: [],
    flag: "--proxy-protocol <network>",
    ...networks,
    doc: "Expect the PROXY protocol, version 1 or 2, from these addresses and networks, and close every other connection.",
    danger:
      "Whoever sends from there can pretend to be any client; nobody else is served.",
  },
  listen: {
    type: "list",
    default: [],
    flag: "--proxy-protocol-listen <address>",
    form: "an address of listen or tls.listen",
    accepts: isLine,
    doc: "The listeners that expect it; all of them unless some are named.",
  },
} as const satisfies SettingTable;

const { maxBytes: _whole, ...CACHE } = CACHE_OPTIONS;
const { renewSession: _renew, readOnly: _read, ...CLIENT } = CLIENT_OPTIONS;
const { disableAddWatch: _tests, open: _open, ...KEEPER } = keeperOptionTable;

/** Everything that can be set of a proxy, by part. */
export const PROXY_SECTIONS = {
  main: {
    key: "",
    doc: "The proxy itself.",
    rows: MAIN,
    live: ["trust", "errorPages", "targetCa", "users"],
  },
  log: {
    key: "log",
    doc: "What it tells on stderr.",
    rows: LOG,
    live: ["level"],
  },
  accessLog: {
    key: "accessLog",
    doc: "One line for each request.",
    rows: ACCESS_LOG,
  },
  tls: {
    key: "tls",
    doc: "HTTPS towards clients; told in [tls.md](tls.md).",
    rows: TLS,
    live: ["hstsSeconds"],
  },
  proxyProtocol: {
    key: "proxyProtocol",
    doc: "A load balancer in front that passes connections on; told in [proxy.md](proxy.md#behind-a-load-balancer).",
    rows: PROXY_PROTOCOL,
    live: ["from"],
  },
  access: {
    key: "access",
    doc: "Who may come in; told in [limits.md](limits.md).",
    rows: ACCESS,
    live: true,
  },
  limits: {
    key: "limits",
    doc: "What clients and targets may do; what is told of connections and addresses holds over all workers.",
    rows: LIMITS,
    live: true,
  },
  cache: {
    key: "cache",
    doc: "The store of each worker; what is stored at all is said for each service.",
    rows: CACHE,
  },
  client: {
    key: "client",
    doc: "The connection to ZooKeeper.",
    rows: CLIENT,
  },
  keeper: {
    key: "keeper",
    doc: `The keeper inside, with zookeeper: ${EMBEDDED}.`,
    rows: KEEPER,
  },
} as const satisfies Readonly<Record<string, SettingSection>>;

/** The checked settings of a proxy, by part and by name of the row. */
export type ProxySettings = {
  readonly [Section in keyof typeof PROXY_SECTIONS]: ValuesOf<
    (typeof PROXY_SECTIONS)[Section]["rows"]
  >;
};

/** The rows of {@link PROXY_SECTIONS} with the names they go by. */
export const proxySettings = settingsOf(PROXY_SECTIONS);

function isLine(text: string): boolean {
  return /^[^\p{Cc}]+$/u.test(text);
}

function isNamedFile(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}=[^\p{Cc}]+$/u.test(text);
}
