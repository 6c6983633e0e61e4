import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./config-error.ts";
import { ConfigFile } from "./config-file.ts";

const TEXT = `# a comment
listen:
  - 127.0.0.1:1
  - 127.0.0.1:2
services:
  www:
    hosts: [a.example, b.example]
`;

test("ConfigFile.where() names line and column of values, keys and items", async () => {
  const file = await ConfigFile.parse(TEXT, "z.yaml");
  assert.equal(file.where(["listen", 1]), "z.yaml:4:5");
  assert.equal(file.where(["services", "www", "hosts", 1]), "z.yaml:7:24");
  assert.equal(file.where(["services", "www"], "key"), "z.yaml:6:3");
  assert.equal(file.where(["listen"], "key"), "z.yaml:2:1");
});

test("ConfigFile.where() names what is around a value that is not there", async () => {
  const file = await ConfigFile.parse(TEXT, "z.yaml");
  assert.equal(
    file.where(["services", "www", "targets", 0, "url"]),
    "z.yaml:7:5",
  );
  assert.equal(file.where(["absent"]), "z.yaml:1:1");
});

test("ConfigFile.parse() tells where a file is not YAML, all of it", async () => {
  const cases = [
    ["listen: [a\nadmin: b\n", /^z\.yaml:2:1: /u],
    ["a: 1\na: 2\n", /^z\.yaml:2:1: .*unique/u],
    ["a:\n\tb: 1\n", /^z\.yaml:2:1: /u],
    ["- a\n- b\n", /^z\.yaml:1:1: .*should be keys/u],
    ["just words", /^z\.yaml:1:1: .*should be keys/u],
  ] as const;
  for (const [text, expected] of cases)
    await assert.rejects(ConfigFile.parse(text, "z.yaml"), (error) => {
      assert.ok(error instanceof ConfigError && error.code === "bad-file");
      assert.match(error.problems[0] ?? "", expected);
      return true;
    });
});

test("ConfigFile.parse() refuses aliases that grow without bound", async () => {
  const rows = Array.from(
    { length: 9 },
    (_, n) =>
      `k${n + 1}: &a${n + 1} [${Array.from({ length: 9 }, () => `*a${n}`).join(", ")}]`,
  );
  await assert.rejects(
    ConfigFile.parse(["k0: &a0 [x]", ...rows].join("\n"), "z.yaml"),
    { code: "bad-file" },
  );
});

test("ConfigFile.read() takes an empty file and names one that is not there", async () => {
  assert.deepEqual((await ConfigFile.parse("", "z.yaml")).root, {});
  await assert.rejects(ConfigFile.read("/nonexistent/z.yaml"), {
    code: "unreadable-file",
    message: /nonexistent.*ENOENT/u,
  });
});
