import assert from "node:assert/strict";
import { test } from "node:test";
import { composeRequestHead } from "../http/index.ts";
import type { Asker } from "./client.ts";
import type { OwnAnswer } from "./own-answer.ts";
import { redirectToHttps } from "./redirect-to-https.ts";

/** Where a request for `target` is sent; undefined when it goes to the services. */
function location(target: string): string | undefined {
  let sent: OwnAnswer | undefined;
  const decide = redirectToHttps(() => undefined, 443);
  const read = composeRequestHead({
    method: "GET",
    target,
    authority: "h.example",
  });
  assert.ok(read.kind === "head");
  // It asks nothing else of who asks.
  const client = {
    own: (answer: OwnAnswer) => {
      sent = answer;
    },
  } as unknown as Asker;
  decide(client, read.head);
  return sent?.lines;
}

test("redirectToHttps() lets challenges pass, and nothing that only begins like one", () => {
  const challenge = "/.well-known/acme-challenge/";
  assert.equal(location(`${challenge}token`), undefined);
  for (const path of [
    "/",
    "/.well-known/acme-challenge",
    `${challenge}../../admin`,
    `${challenge}%2e%2e/x`,
    `${challenge}..;/x`,
    `${challenge}a%2f..%2f..%2fadmin`,
  ])
    assert.equal(location(path), `Location: https://h.example${path}\r\n`);
});
