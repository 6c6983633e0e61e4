import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { certificateNames, NameTable } from "./certificate-names.ts";

function names(file: string): string[] {
  const folder = join(import.meta.dirname, "../../test/vectors/tls");
  return certificateNames(
    new X509Certificate(readFileSync(join(folder, file))),
  );
}

test("certificateNames() reads the DNS names of a certificate and no others", () => {
  assert.deepEqual(names("www.pem"), ["www.example", "example"]);
  assert.deepEqual(names("default.pem"), ["localhost"]);
  assert.deepEqual(names("ca.pem"), [], "a common name is not a name");
});

test("NameTable.find() prefers the very name to a wildcard (RFC 9525 section 6.3)", () => {
  const table = new NameTable<string>();
  table.add(["*.example", "example"], "wild");
  table.add(["www.example"], "exact");
  table.add(["www.example"], "later");
  assert.equal(table.find("www.example"), "exact");
  assert.equal(table.find("WWW.Example."), "exact");
  assert.equal(table.find("api.example"), "wild");
  assert.equal(table.find("example"), "wild");
  assert.equal(table.find("a.b.example"), undefined, "one label, not two");
  assert.equal(table.find(".example"), undefined);
  assert.equal(table.find("other"), undefined);
});
