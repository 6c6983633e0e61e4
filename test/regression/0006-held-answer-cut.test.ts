/**
 * An answer to a condition or a range is given once all that is stored is there.
 * When the target died before that, the client was cut although nothing had
 * been sent to it and another target could answer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { get } from "../support/http-client.ts";
import {
  definition,
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";

test("Exchange asks another target when one dies before the client has got anything", async (t) => {
  let asked = 0;
  const targets = await Promise.all(
    [1, 2].map(() =>
      startTarget((request, response) => {
        asked += 1;
        response.setHeader("Cache-Control", "max-age=60");
        response.setHeader("ETag", '"1"');
        response.setHeader("Content-Length", 10);
        if (asked === 1) {
          response.write("01234");
          setImmediate(() => response.destroy());
        } else if (request.headers["if-none-match"] === '"1"') {
          response.removeHeader("Content-Length");
          response.writeHead(304).end();
        } else response.end("0123456789");
      }),
    ),
  );
  for (const target of targets) t.after(target.close);
  const { cache } = definition();
  const { plane, url } = await startProxy([
    serviceView(
      targets.map((target) => target.view()),
      { definition: { cache: { ...cache, enabled: true } } },
    ),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const answer = await get(url, { headers: { "if-none-match": '"1"' } });
  assert.equal(answer.status, 304);
  assert.equal(asked, 2);
  const { targets: seen } = await plane.stats();
  for (const { inFlight } of seen) assert.equal(inFlight, 0);
});
