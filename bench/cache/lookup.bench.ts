/** CPU time of one look-up, as the proxy makes it: a parsed head each time. */
import { cpus } from "node:os";
import { HttpCache, type CacheContext } from "../../src/cache/index.ts";
import {
  DEFAULT_HEAD_LIMITS,
  parseRequestHead,
  type RequestHead,
} from "../../src/http/index.ts";

const TARGETS = 1000;
const LOOKUPS = 2_000_000;
const NOW_MS = Date.now();

const context: CacheContext = {
  service: "www",
  scheme: "http",
  host: "www.example.org",
  currentRelease: "r1",
  allTargetsDown: false,
  rules: { enabled: true, defaultTtlMs: 120_000, heuristic: "last-modified" },
};

/** A fresh head, whose strings are slices of one text, as on the wire. */
function head(target: string, fields = ""): RequestHead {
  const bytes = Buffer.from(
    `GET ${target} HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: h2load\r\n${fields}\r\n`,
  );
  const result = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
  if (result.kind !== "head") throw new TypeError("Cannot parse the head");
  return result.head;
}

function fill(cache: HttpCache, request: RequestHead, vary: boolean): void {
  const lookup = cache.lookup(request, context, NOW_MS);
  if (lookup.kind !== "miss")
    throw new TypeError(`Cannot fill: ${lookup.kind}`);
  const filling = cache.beginFill(request, context, lookup);
  const fields = ["Cache-Control", "max-age=3600", "Content-Length", "4096"];
  if (vary) fields.push("Vary", "Accept-Encoding");
  filling?.head(200, fields, "r1", NOW_MS);
  filling?.data(Buffer.alloc(4096));
  filling?.end();
}

function measure(
  name: string,
  vary: boolean,
  fields: string,
  missing = false,
): void {
  const cache = new HttpCache();
  for (let i = 0; i < TARGETS; i++)
    fill(cache, head(`/assets/page-${i}.html`, fields), vary);
  const heads = Array.from({ length: 20 * TARGETS }, (_, i) =>
    head(`/assets/page-${missing ? `x${i}` : i % TARGETS}.html`, fields),
  );
  let hits = 0;
  const round = (): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < LOOKUPS; i++) {
      const request = heads[i % heads.length];
      if (request === undefined) break;
      if (cache.lookup(request, context, NOW_MS + 1).kind === "hit") hits += 1;
    }
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / LOOKUPS;
  };
  round();
  const times = [round(), round(), round()].toSorted((a, b) => a - b);
  console.log(
    `${name.padEnd(34)} ${times.map((ns) => ns.toFixed(0)).join(" / ")} ns (${hits > 0 ? "hit" : "miss"})`,
  );
}

console.log(
  `HttpCache.lookup(), ${TARGETS} entries of 4 KB; node ${process.version}, ${cpus()[0]?.model}`,
);
measure("no Vary", false, "");
measure(
  "Vary: Accept-Encoding",
  true,
  "Accept-Encoding: gzip, deflate, br, zstd\r\n",
);
measure("with Cookie", false, "Cookie: a=1; b=2\r\n");
measure("miss", false, "", true);
