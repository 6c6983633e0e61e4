/**
 * Answers for a {@link LiveSite}. The rule that keeps caches honest: an answer
 * names a release, and may be stored, only when its bytes are the ones which
 * that release's manifest lists under that path. Whatever is read while the
 * directory is changing belongs to no release, is answered all the same, and is
 * not stored. So no cache can hold old content under a new release.
 *
 * Caches further out never hear of releases: to them `Cache-Control: no-cache`
 * says to ask each time, which costs a 304. The proxy is told its own lifetime in
 * a targeted field (RFC 9213 section 2), which it removes.
 */
import type { Stats } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import { pipeline, Readable } from "node:stream";
import { join } from "node:path";
import send from "send";
import type { Journal } from "../base/index.ts";
import type { OpenedFile } from "./file-store.ts";
import type { LiveSite, SiteState } from "./live-site.ts";
import type { Manifest } from "./scan-site.ts";
import {
  findSitePlace,
  isAbsence,
  parseSitePath,
  type SitePath,
} from "./site-path.ts";
import {
  asksForPage,
  chosenSibling,
  couldBePage,
  siblingsOf,
} from "./site-variants.ts";

/** How long the proxy may use an answer without asking again. A new release ends it at once. */
const STORE = "public, max-age=120";
const STORE_NOT = "no-store";
const INDEX_FILE = "index.html";
/** The site's own page for what is missing. */
const MISSING_PAGE = "404.html";

type FoundPath = Extract<SitePath, { readonly kind: "path" }>;

/** A file, and the release it belongs to, if any. */
interface Found {
  readonly key: string;
  readonly file: OpenedFile;
}

export class SiteHandler {
  readonly #site: LiveSite;
  readonly #releaseOf: (manifest: Manifest) => string;
  readonly #journal: Journal;
  readonly #isApplication: boolean;

  constructor(given: {
    readonly site: LiveSite;
    readonly releaseOf: (manifest: Manifest) => string;
    readonly journal: Journal;
    /** Its paths that are no files are its own: they get its index page. */
    readonly isApplication: boolean;
  }) {
    this.#site = given.site;
    this.#releaseOf = given.releaseOf;
    this.#journal = given.journal;
    this.#isApplication = given.isApplication;
  }

  /** Answers one request; never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response).catch((error: unknown) => {
      this.#journal({
        level: "error",
        room: "target",
        event: "answer-failed",
        message: `Cannot answer for ${JSON.stringify(request.url)}`,
        error,
      });
      if (response.headersSent) response.destroy();
      else sendStatus(request, response, 500);
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Cache-Control", "no-cache");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      sendStatus(request, response, 405);
      return;
    }
    const path = parseSitePath(request.url ?? "");
    const state = this.#site.state;
    switch (path.kind) {
      case "malformed":
        sendStatus(request, response, 400);
        return;
      case "hidden":
        await this.#sendMissing(request, response, { state, key: path.key });
        return;
      case "path":
        await this.#sendPath(request, response, { state, path });
        return;
      default:
        path satisfies never;
    }
  }

  async #sendPath(
    request: IncomingMessage,
    response: ServerResponse,
    what: { readonly state: SiteState; readonly path: FoundPath },
  ): Promise<void> {
    const { state, path } = what;
    const found = await this.#find(state, path);
    if (found === "missing") {
      if (this.#isApplication && couldBePage(path.key))
        await this.#sendPage(request, response, { state, key: path.key });
      else await this.#sendMissing(request, response, { state, key: path.key });
      return;
    }
    if ("location" in found) {
      response.setHeader("Location", found.location);
      sendStatus(request, response, 301);
      return;
    }
    await this.#sendFound(request, response, { state, found, agrees: true });
  }

  /** The index page of an application for a path that is no file, for who asks for a page. */
  async #sendPage(
    request: IncomingMessage,
    response: ServerResponse,
    what: { readonly state: SiteState; readonly key: string },
  ): Promise<void> {
    const { state, key } = what;
    response.setHeader("Vary", "Accept");
    const found = asksForPage(request.headers.accept)
      ? await this.#find(state, { kind: "path", key: INDEX_FILE, query: "" })
      : "missing";
    if (found === "missing" || "location" in found) {
      await this.#sendMissing(request, response, what);
      return;
    }
    const agrees = !state.manifest.files.has(key);
    await this.#sendFound(request, response, { state, found, agrees });
  }

  /** A file, or the same compressed by whoever made the site. */
  async #sendFound(
    request: IncomingMessage,
    response: ServerResponse,
    what: {
      readonly state: SiteState;
      readonly found: Found;
      /** What is answered is what the manifest says, as far as is known. */
      readonly agrees: boolean;
    },
  ): Promise<void> {
    const { state, found } = what;
    const siblings = siblingsOf(state.manifest, found.key);
    if (siblings.length > 0) response.appendHeader("Vary", "Accept-Encoding");
    const accepted = request.headers["accept-encoding"];
    const sibling = chosenSibling(siblings, accepted);
    const coded =
      sibling === undefined
        ? "missing"
        : await this.#find(state, {
            kind: "path",
            key: sibling.key,
            query: "",
          });
    let sent = found;
    if (sibling !== undefined && coded !== "missing" && "file" in coded) {
      await found.file.close();
      response.setHeader("Content-Encoding", sibling.coding);
      sent = coded;
    }
    const agrees = what.agrees && sent.file.digest === digestIn(state, sent);
    this.#claim(response, state, agrees);
    // Its type is that of what it holds.
    sendFile(request, response, { key: found.key, file: sent.file });
  }

  async #find(
    state: SiteState,
    path: FoundPath,
  ): Promise<Found | { readonly location: string } | "missing"> {
    const { key } = path;
    const asked = join(state.root, key);
    const recalled = await this.#site.store.recall(asked);
    if (recalled !== undefined) return { key, file: recalled };
    const place = await findSitePlace(state.root, path);
    switch (place.kind) {
      case "file": {
        const file = await this.#site.store
          .open(place.realPath, { keepAs: asked })
          .catch(orAbsent);
        return file === undefined ? "missing" : { key, file };
      }
      case "directory":
        return { location: place.location };
      case "missing":
      case "malformed":
        return "missing";
      default:
        return place satisfies never;
    }
  }

  async #sendMissing(
    request: IncomingMessage,
    response: ServerResponse,
    what: { readonly state: SiteState; readonly key: string },
  ): Promise<void> {
    const { state, key } = what;
    const page = await this.#find(state, {
      kind: "path",
      key: MISSING_PAGE,
      query: "",
    });
    if (page === "missing" || "location" in page) {
      const agrees =
        !state.manifest.files.has(key) &&
        !state.manifest.files.has(MISSING_PAGE);
      this.#claim(response, state, agrees);
      sendStatus(request, response, 404, "claimed");
      return;
    }
    const { file } = page;
    const agrees =
      !state.manifest.files.has(key) && file.digest === digestIn(state, page);
    this.#claim(response, state, agrees);
    response.writeHead(404, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Length": file.sizeBytes,
    });
    sendBody(request, response, {
      file,
      start: 0,
      length: request.method === "HEAD" ? 0 : file.sizeBytes,
    });
  }

  /** Says which release an answer is part of, when it agrees with the manifest. */
  #claim(response: ServerResponse, state: SiteState, agrees: boolean): void {
    response.setHeader("Zoogate-Cache-Control", agrees ? STORE : STORE_NOT);
    if (agrees)
      response.setHeader("Zoogate-Release", this.#releaseOf(state.manifest));
    else this.#site.refresh();
  }
}

function digestIn(state: SiteState, found: Found): string | undefined {
  return state.manifest.files.get(found.key);
}

function orAbsent(error: unknown): undefined {
  if (!isAbsence(error)) throw error;
}

/**
 * Conditions, ranges and types are `send`'s. Its own way to a file is by name;
 * ours is open already, so it is given the facts and only asks for the bytes.
 */
function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  { key, file }: Found,
): void {
  response.once("close", () => void file.close());
  response.setHeader("ETag", `"${file.digest.slice(0, 32)}"`);
  // RFC 9110 section 13.1.5: If-Range takes a strong comparison, so a weak tag
  // never matches; section 14.2: a range has a meaning for GET alone.
  const { headers } = request;
  if (request.method === "HEAD" || String(headers["if-range"]).startsWith("W/"))
    delete headers.range;
  const sender = send(request, key, { cacheControl: false, etag: false });
  Object.assign(sender, {
    res: response,
    stream: (_path: string, range: { start: number; end: number }) =>
      sendBody(request, response, {
        file,
        start: range.start,
        length: Math.min(range.end + 1, file.sizeBytes) - range.start,
      }),
  });
  sender.on(
    "error",
    (error: { status: number; headers?: { "Content-Range"?: string } }) => {
      const contentRange = error.headers?.["Content-Range"];
      if (contentRange !== undefined)
        response.setHeader("Content-Range", contentRange);
      sendStatus(request, response, error.status);
    },
  );
  // send() reads these two of the stats and no others.
  const stats = { size: file.sizeBytes, mtime: file.modified };
  sender.send(key, stats as Stats);
}

function sendBody(
  request: IncomingMessage,
  response: ServerResponse,
  part: {
    readonly file: OpenedFile;
    readonly start: number;
    readonly length: number;
  },
): void {
  const { file, start, length } = part;
  if (file.body !== undefined || length === 0) {
    response.end(file.body?.subarray(start, start + length));
    return;
  }
  const body = Readable.from(file.read(start, length), { objectMode: false });
  // A failure destroys the response short of its Content-Length: the receiver
  // sees a cut, never a whole answer.
  pipeline(body, response, () => {});
  request.once("aborted", () => body.destroy());
}

/** A short answer of our own; not stored unless its headers were `claimed`. */
function sendStatus(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: "claimed" | "unclaimed" = "unclaimed",
): void {
  if (headers === "unclaimed") {
    response.setHeader("Zoogate-Cache-Control", STORE_NOT);
    response.removeHeader("Zoogate-Release");
  }
  const reason = STATUS_CODES[status] ?? "";
  const page = `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${status} ${reason}</title></head><body><h1>${status} ${reason}</h1></body></html>\n`;
  response.removeHeader("Content-Encoding");
  response.removeHeader("ETag");
  response.removeHeader("Last-Modified");
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": Buffer.byteLength(page),
  });
  response.end(request.method === "HEAD" ? undefined : page);
}
