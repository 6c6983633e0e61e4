import type { RequestListener, ServerResponse } from "node:http";

/** Sizes around every boundary there is: slab, read buffer, entry bound. */
const SIZES = [0, 1, 100, 4096, 16_384, 32_768, 65_536, 65_537, 200_000];

/** What a target answers for a path: every byte says whose it is. */
export function contentOf(path: string): Buffer {
  const index = Number(path.split("/").at(-1));
  const size = SIZES[index % SIZES.length] ?? 0;
  const line = `${path};`;
  return Buffer.from(line.repeat(Math.ceil(size / line.length)).slice(0, size));
}

/** A target that answers in every way: with a length, in chunks, slowly, cacheable or not. */
export const answerAny: RequestListener = (request, response) => {
  const path = request.url ?? "";
  if (path === "/echo") {
    request.pipe(response);
    return;
  }
  request.resume();
  const index = Number(path.split("/").at(-1));
  const content = contentOf(path);
  response.setHeader("ETag", `"${path}"`);
  response.setHeader(
    "Cache-Control",
    index % 3 === 0 ? "no-store" : `max-age=${index % 5 === 0 ? 1 : 60}`,
  );
  if (request.headers["if-none-match"] === `"${path}"`) {
    response.writeHead(304).end();
    return;
  }
  const answer = () => send(response, content, index);
  if (index % 7 === 0) setTimeout(answer, 5);
  else answer();
};

function send(response: ServerResponse, content: Buffer, index: number): void {
  if (index % 2 === 0) response.setHeader("Content-Length", content.length);
  if (index % 11 === 0) {
    // In two pieces, so that clients join in the middle.
    response.write(content.subarray(0, content.length / 2));
    setTimeout(() => response.end(content.subarray(content.length / 2)), 3);
  } else response.end(content);
}
