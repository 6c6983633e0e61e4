import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hashPassword,
  isPassword,
  parsePasswordHash,
} from "./password-hash.ts";
import { readUserFile } from "./user-file.ts";

/** Of "secret", as cheap as is taken. */
const CHEAP =
  "$scrypt$ln=10,r=8,p=1$" +
  "c2FsdHNhbHRzYWx0c2FsdA$" +
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

test("hashPassword() makes another line each time, and isPassword() knows its password alone", async () => {
  const password = Buffer.from("pä:ss wörd");
  const texts = [await hashPassword(password), await hashPassword(password)];
  assert.notEqual(texts[0], texts[1]);
  for (const text of texts) {
    const reading = parsePasswordHash(text);
    assert.ok(reading.kind === "hash", text);
    assert.equal(await isPassword(password, reading.hash), true);
    assert.equal(await isPassword(Buffer.from("x"), reading.hash), false);
    assert.equal(await isPassword(Buffer.alloc(0), reading.hash), false);
  }
});

test("isPassword() agrees with RFC 7914 section 12", async () => {
  const text = (hex: string) =>
    Buffer.from(hex, "hex").toString("base64").replaceAll("=", "");
  const reading = parsePasswordHash(
    `$scrypt$ln=14,r=8,p=1$${text(Buffer.from("SodiumChloride").toString("hex"))}$${text(
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    )}`,
  );
  assert.ok(reading.kind === "hash");
  assert.ok(await isPassword(Buffer.from("pleaseletmein"), reading.hash));
});

test("parsePasswordHash() refuses what others write, and says what it is", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["$2y$05$abcdefghijklmnopqrstuv", /bcrypt/],
    ["$apr1$salt$hash", /MD5/],
    ["{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", /SHA-1/],
    ["$6$salt$hash", /SHA-2/],
    ["$5$salt$hash", /SHA-2/],
    ["$1$salt$hash", /MD5/],
    ["$y$j9T$x$y", /crypt/],
    ["$argon2id$v=19$m=1,t=1,p=1$x$y", /Argon2/],
    ["secret", /no hash that is known/],
    ["", /no hash that is known/],
    [CHEAP.replace("ln=10", "ln=9"), /out of bounds/],
    [CHEAP.replace("ln=10", "ln=20"), /out of bounds/],
    [CHEAP.replace("p=1", "p=17"), /out of bounds/],
    [CHEAP.replace("r=8", "r=0"), /out of bounds/],
    [CHEAP.slice(0, -30), /out of bounds, or cut off/],
  ];
  assert.equal(parsePasswordHash(CHEAP).kind, "hash");
  for (const [text, message] of cases) {
    const reading = parsePasswordHash(text);
    assert.ok(reading.kind === "reject", text);
    assert.match(reading.message, message);
  }
});

test("readUserFile() shuts out the users of bad lines, and nobody else", () => {
  const { users, problems } = readUserFile(
    [
      "# staff",
      "",
      `ann:${CHEAP}`,
      "bob:$2y$05$abc",
      "no colon",
      `:${CHEAP}`,
      `eve:${CHEAP}`,
      `eve:${CHEAP}`,
      `eve:${CHEAP}`,
      `mü:${CHEAP}`,
      `dan o'neil:${CHEAP}\r`,
    ].join("\n"),
  );
  assert.deepEqual([...users.keys()], ["ann", "dan o'neil"]);
  assert.deepEqual(
    problems.map((text) => text.replace(/: .*/, "")),
    ["line 4", "line 5", "line 6", "line 8", "line 9", "line 10"],
  );
  assert.ok(problems.every((text) => !text.includes("$")));
});
