import {
  field,
  reasonPhrase,
  type RequestHead,
  type ResponseHead,
} from "../http/index.ts";

/*
 * What stands in the proxy's own answers. A browser gets HTML: a page from the
 * folder of pages, or else a small one; who asks for JSON gets a problem
 * (RFC 9457), since that is what its code can read; everybody else, curl above
 * all, gets a page too where there is one, and a line of text where not.
 * Nothing of the request stands in any of them.
 */

/** A page of the folder. */
export interface PageMaterial {
  /** Of the subfolder; empty for all services. */
  readonly service: string;
  /** `404`, or `4xx` for all of a hundred. */
  readonly name: string;
  /** Its bytes, each as one character. */
  readonly body: string;
}

/** Content of an answer and what it is. */
export interface PageContent {
  readonly type: string;
  /** Bytes, each as one character. */
  readonly body: string;
}

const HTML = "text/html; charset=utf-8";

/** The pages of the folder, by service and status. */
export class ErrorPages {
  readonly #pages: ReadonlyMap<string, string>;

  constructor(pages: readonly PageMaterial[] = []) {
    this.#pages = new Map(
      pages.map(({ service, name, body }) => [`${service}/${name}`, body]),
    );
  }

  /** The service's own before everybody's, the status before its hundred. */
  find(status: number, service: string): string | undefined {
    if (this.#pages.size === 0) return undefined;
    const hundred = `${Math.trunc(status / 100)}xx`;
    return (
      this.#pages.get(`${service}/${status}`) ??
      this.#pages.get(`${service}/${hundred}`) ??
      this.#pages.get(`/${status}`) ??
      this.#pages.get(`/${hundred}`)
    );
  }

  /** An answer in place of a target's error, where the service wants that and there is a page. */
  insteadOf(
    { status, fields }: ResponseHead,
    service: {
      readonly name: string;
      readonly definition: { readonly replaceErrors: boolean };
    },
  ): { readonly status: number; readonly lines: string } | undefined {
    if (!service.definition.replaceErrors) return undefined;
    if (this.find(status, service.name) === undefined) return undefined;
    const retryAfter = field(fields, "retry-after");
    return {
      status,
      lines: retryAfter === undefined ? "" : `Retry-After: ${retryAfter}\r\n`,
    };
  }

  /** For an answer to `request` with an error; `service` may be empty. */
  contentFor(
    status: number,
    request: RequestHead | undefined,
    service: string,
  ): PageContent {
    const accept =
      request === undefined
        ? ""
        : (field(request.fields, "accept")?.toLowerCase() ?? "");
    const wantsHtml = accept.includes("text/html");
    if (!wantsHtml && accept.includes("json"))
      return {
        type: "application/problem+json",
        body: `${JSON.stringify({ title: reasonPhrase(status), status })}\n`,
      };
    const page = this.find(status, service);
    if (page !== undefined) return { type: HTML, body: page };
    return wantsHtml
      ? { type: HTML, body: defaultPage(status) }
      : { type: "text/plain", body: textOf(status) };
  }
}

/** A line with status and reason. */
export function textOf(status: number): string {
  return `${status} ${reasonPhrase(status)}\n`;
}

function defaultPage(status: number): string {
  const title = reasonPhrase(status);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${status} ${title}</title>
<style>
:root { color-scheme: light dark }
body { font: 1.125rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem }
h1 { font-size: 1.75rem; margin: 0 }
</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${sentenceFor(status)}</p>
<p><small>Status ${status}</small></p>
</main>
</body>
</html>
`;
}

function sentenceFor(status: number): string {
  switch (status) {
    case 401:
      return "You need a name and a password to see this page.";
    case 403:
      return "You may not see this page.";
    case 404:
      return "There is no page at this address.";
    case 408:
      return "The request took too long to arrive. Please try again.";
    case 413:
      return "What was sent is larger than this site takes.";
    case 429:
      return "There were too many requests. Please wait a moment and try again.";
    default:
      return status >= 500
        ? "The site cannot answer at the moment. Please try again in a few minutes."
        : "This request cannot be answered.";
  }
}
