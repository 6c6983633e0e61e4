import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  authorityText,
  type ByteRange,
  cacheStatus,
  connectionOptions,
  contentRange,
  field,
  fieldAll,
  fieldJoined,
  httpDate,
  httpDateNow,
  listTokens,
  matchStrong,
  matchWeak,
  methodRule,
  parseAuthority,
  parseContentRange,
  parseEntityTag,
  parseEntityTags,
  parseHttpDate,
  parseRange,
  parseSfDictionary,
  parseVary,
  proxyStatus,
  reasonPhrase,
  resolveRanges,
  sfString,
  splitList,
  tokenOrQuoted,
  trimWhiteSpace,
  unquote,
} from "./index.ts";

function resolveText(value: string, size: number): readonly ByteRange[] {
  return resolveRanges(parseRange(value) ?? [], size);
}

const moment = Date.UTC(1994, 10, 6, 8, 49, 37);

describe("parseHttpDate()", () => {
  it("reads the three formats (RFC 9110 section 5.6.7)", () => {
    assert.equal(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), moment);
    assert.equal(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), moment);
    assert.equal(parseHttpDate("Sun Nov  6 08:49:37 1994"), moment);
    assert.equal(
      parseHttpDate("Wed Nov 16 08:49:37 1994"),
      moment + 10 * 86_400_000,
    );
  });

  it("places a two-digit year at most 50 years ahead", () => {
    const now = Date.UTC(2026, 0, 1);
    const year = (text: string) =>
      new Date(parseHttpDate(text, now) ?? 0).getUTCFullYear();
    assert.equal(year("Sunday, 06-Nov-76 08:49:37 GMT"), 2076);
    assert.equal(year("Sunday, 06-Nov-77 08:49:37 GMT"), 1977);
    assert.equal(year("Sunday, 06-Nov-26 08:49:37 GMT"), 2026);
  });

  it("refuses anything else", () => {
    for (const text of [
      "",
      "0",
      "-1",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "sun, 06 nov 1994 08:49:37 gmt",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08-49-37 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      "Xxx, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sun Nov 6 08:49:37 1994",
      "1994-11-06T08:49:37Z",
    ])
      assert.equal(parseHttpDate(text), undefined, text);
  });

  it("reads back what httpDate() writes", () => {
    const newest = Date.UTC(9999, 11, 31);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: newest / 1000 }), (second) => {
        assert.equal(parseHttpDate(httpDate(second * 1000)), second * 1000);
      }),
    );
  });
});

describe("httpDateNow()", () => {
  it("answers the date of the second", () => {
    assert.equal(httpDateNow(moment), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert.equal(httpDateNow(moment + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert.equal(httpDateNow(moment + 1000), "Sun, 06 Nov 1994 08:49:38 GMT");
    assert.equal(httpDateNow(moment), "Sun, 06 Nov 1994 08:49:37 GMT");
  });
});

describe("field()", () => {
  const fields = ["Host", "a", "X-Y", "1", "x-y", "2", "X-Yz", "3"];
  it("finds values whatever the case of the name", () => {
    assert.equal(field(fields, "x-y"), "1");
    assert.equal(field(fields, "x"), undefined);
    assert.deepEqual(fieldAll(fields, "x-y"), ["1", "2"]);
    assert.equal(fieldJoined(fields, "x-y"), "1, 2");
    assert.equal(fieldJoined(fields, "none"), undefined);
  });
  it("does not take one character for another with the same low bits", () => {
    assert.equal(field(["X\rY", "1", "X_Y", "2", "^", "3"], "x-y"), undefined);
    assert.equal(field(["^", "3"], "~"), undefined);
  });
});

describe("splitList()", () => {
  it("splits at commas outside quoted strings (RFC 9110 section 5.6.1)", () => {
    assert.deepEqual(splitList('a, "b, \\" c" ,, d="e,f"'), [
      "a",
      '"b, \\" c"',
      'd="e,f"',
    ]);
    assert.deepEqual(splitList(" , "), []);
  });
  it("answers undefined when a quoted string does not end", () => {
    assert.equal(splitList('a, "b'), undefined);
    assert.equal(splitList('"\\"'), undefined);
  });
});

describe("listTokens()", () => {
  it("answers the tokens in lower case and leaves out what is none", () => {
    assert.deepEqual(listTokens("Gzip, , b r,BR, x;q=1"), ["gzip", "br"]);
  });
});

describe("trimWhiteSpace()", () => {
  it("takes spaces and tabs off, and nothing else", () => {
    assert.equal(trimWhiteSpace(" \ta b\t "), "a b");
    assert.equal(trimWhiteSpace("\xa0a\x0b"), "\xa0a\x0b");
    assert.equal(trimWhiteSpace(" \t"), "");
  });
});

describe("unquote()", () => {
  it("undoes what tokenOrQuoted() does to any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const quoted = tokenOrQuoted(text);
        assert.equal(quoted.startsWith('"') ? unquote(quoted) : quoted, text);
      }),
    );
  });
  it("refuses what is not one quoted string", () => {
    for (const text of ["", '"', "a", '"a', '"a"b"', '"a\\"'])
      assert.equal(unquote(text), undefined, text);
  });
});

describe("connectionOptions()", () => {
  it("reads all Connection fields of a list (RFC 9110 section 7.6.1)", () => {
    const options = connectionOptions([
      "Connection",
      "close",
      "connection",
      "X-A, Keep-Alive",
    ]);
    assert.deepEqual(options, {
      close: true,
      keepAlive: true,
      upgrade: false,
      guarded: false,
      others: ["x-a"],
    });
    assert.deepEqual(connectionOptions([])?.others, []);
    assert.equal(connectionOptions(["Connection", "a b"]), undefined);
  });
});

describe("parseEntityTags()", () => {
  it("reads a list of tags (RFC 9110 section 8.8.3)", () => {
    assert.deepEqual(parseEntityTags('"a", W/"b,c" ,"",'), {
      kind: "tags",
      tags: [
        { weak: false, opaque: '"a"' },
        { weak: true, opaque: '"b,c"' },
        { weak: false, opaque: '""' },
      ],
    });
    assert.deepEqual(parseEntityTags(" * "), { kind: "any" });
  });
  it("refuses anything else", () => {
    for (const value of [
      "",
      "a",
      '"a',
      'w/"a"',
      '"a" "b"',
      '"a"b',
      '*, "a"',
      '"a b"',
      '"a\\""',
    ])
      assert.equal(parseEntityTags(value).kind, "malformed", value);
  });
  it("compares tags strongly and weakly (RFC 9110 section 8.8.3.2)", () => {
    const weak = parseEntityTag('W/"1"');
    const strong = parseEntityTag('"1"');
    assert.ok(weak && strong);
    assert.equal(matchStrong(weak, weak), false);
    assert.equal(matchStrong(weak, strong), false);
    assert.equal(matchStrong(strong, strong), true);
    assert.equal(matchWeak(weak, strong), true);
    assert.equal(parseEntityTag('"1" '), undefined);
  });
});

describe("parseRange()", () => {
  it("reads the forms of a range (RFC 9110 section 14.1.2)", () => {
    assert.deepEqual(parseRange("bytes=0-499, 500-,-5"), [
      { kind: "from", first: 0, last: 499 },
      { kind: "from", first: 500, last: undefined },
      { kind: "suffix", bytes: 5 },
    ]);
    assert.ok(parseRange("Bytes=0-0"));
  });
  it("ignores what is malformed, of another unit, or too much", () => {
    for (const value of [
      "",
      "bytes",
      "bytes=",
      "bytes=-",
      "bytes=2-1",
      "bytes=a-b",
      "bytes=+1-2",
      "bytes=1-2-3",
      "bytes= 1 - 2",
      "lines=1-2",
      "bytes=0-1;1-2",
      `bytes=${"0-0,".repeat(17)}`,
      `bytes=${"9".repeat(16)}-`,
    ])
      assert.equal(parseRange(value), undefined, value);
  });
});

describe("resolveRanges()", () => {
  it("keeps what a representation has (RFC 9110 section 14.1.2)", () => {
    assert.deepEqual(resolveText("bytes=0-4,8-99,-3,20-", 10), [
      { first: 0, last: 4 },
      { first: 8, last: 9 },
      { first: 7, last: 9 },
    ]);
    assert.deepEqual(resolveText("bytes=-99", 10), [{ first: 0, last: 9 }]);
    assert.deepEqual(resolveText("bytes=-0", 10), []);
    assert.deepEqual(resolveText("bytes=10-", 10), []);
    assert.deepEqual(resolveText("bytes=0-,-1", 0), []);
  });
});

describe("parseContentRange()", () => {
  it("reads what contentRange() writes (RFC 9110 section 14.4)", () => {
    assert.deepEqual(
      parseContentRange(contentRange({ first: 1, last: 2 }, 5)),
      { range: { first: 1, last: 2 }, size: 5 },
    );
    assert.deepEqual(parseContentRange(contentRange(undefined, 5)), {
      range: undefined,
      size: 5,
    });
    assert.deepEqual(parseContentRange("bytes 1-2/*"), {
      range: { first: 1, last: 2 },
      size: undefined,
    });
  });
  it("refuses anything else", () => {
    for (const value of [
      "",
      "bytes */*",
      "bytes 2-1/5",
      "bytes 1-5/5",
      "bytes 1-/5",
      "bytes=1-2/5",
      "lines 1-2/5",
      "bytes 1-2/x",
    ])
      assert.equal(parseContentRange(value), undefined, value);
  });
});

describe("parseVary()", () => {
  it("answers names in lower case, sorted, each once (RFC 9110 section 12.5.5)", () => {
    assert.deepEqual(parseVary("Cookie, Accept-Encoding,,cookie"), {
      kind: "fields",
      names: ["accept-encoding", "cookie"],
    });
    assert.deepEqual(parseVary(""), { kind: "fields", names: [] });
  });
  it("takes a star or anything malformed as every request being another one", () => {
    for (const value of ["*", "a, *", "a b", 'a, "b"', "a;b"])
      assert.deepEqual(parseVary(value), { kind: "any" }, value);
  });
});

describe("parseAuthority()", () => {
  it("reads back what authorityText() writes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.domain(),
          fc.ipV4(),
          fc.ipV6().map((ip) => `[${ip}]`),
        ),
        fc.integer({ min: 1, max: 65_535 }),
        (hostname, port) => {
          const authority = parseAuthority(`${hostname.toUpperCase()}:${port}`);
          assert.deepEqual(authority, {
            hostname: hostname.toLowerCase(),
            port,
          });
          const text = authorityText(authority, "https");
          assert.equal(parseAuthority(text)?.port, port === 443 ? 0 : port);
        },
      ),
    );
  });
});

describe("methodRule()", () => {
  it("knows what is safe and idempotent (RFC 9110 section 9.2)", () => {
    assert.deepEqual(methodRule("GET"), {
      safe: true,
      idempotent: true,
      cacheable: true,
    });
    assert.equal(methodRule("PUT").idempotent, true);
    assert.equal(methodRule("PUT").safe, false);
    assert.equal(methodRule("POST").idempotent, false);
    assert.equal(methodRule("get").safe, false);
    assert.equal(methodRule("constructor").idempotent, false);
    assert.equal(methodRule("__proto__").safe, false);
  });
});

describe("reasonPhrase()", () => {
  it("answers an empty phrase for a status nobody registered", () => {
    assert.equal(reasonPhrase(404), "Not Found");
    assert.equal(reasonPhrase(599), "");
  });
});

describe("parseSfDictionary()", () => {
  it("reads every type (RFC 9651 section 3.2)", () => {
    const members = parseSfDictionary(
      'a=1, b=-2.5;x;y="z", c="d\\"e", f=tok/en:*, g, h=?0, i=(1 "2";p), j=:YQ==:, k=@5, l=%"f%c3%bc"',
    );
    assert.deepEqual(Object.fromEntries(members ?? []), {
      a: 1,
      b: -2.5,
      c: 'd"e',
      f: { token: "tok/en:*" },
      g: true,
      h: false,
      i: { list: [1, "2"] },
      j: { other: ":YQ==:" },
      k: { other: "@5" },
      l: { other: '%"f%c3%bc"' },
    });
  });
  it("refuses what does not parse", () => {
    for (const text of [
      "a=",
      "a,",
      ",a",
      "A",
      "a b",
      "a=1 2",
      "a=1.",
      "a=.5",
      "a=1.2345",
      "a=1234567890123456",
      "a=1234567890123.1",
      'a="',
      'a="\\x"',
      "a=()b",
      "a=(1,2)",
      "a;",
      "a;B",
      "a=?2",
      "a=:*:",
      "a\n",
    ])
      assert.equal(parseSfDictionary(text), undefined, text);
  });
});

describe("cacheStatus()", () => {
  it("writes a member (RFC 9211 section 2)", () => {
    assert.equal(
      cacheStatus({ cache: "zoogate", hit: true, ttlS: 30.9 }),
      "zoogate; hit; ttl=30",
    );
    assert.equal(
      cacheStatus({
        cache: "a b",
        forward: "stale",
        forwardStatus: 304,
        ttlS: -5,
        stored: true,
        collapsed: true,
        detail: "x\ny",
      }),
      '"a b"; fwd=stale; fwd-status=304; ttl=-5; stored; collapsed; detail="x?y"',
    );
  });
});

describe("proxyStatus()", () => {
  it("writes a member (RFC 9209 section 2)", () => {
    assert.equal(
      proxyStatus({
        proxy: "zoogate",
        error: "connection_refused",
        nextHop: "10.0.0.1:80",
        receivedStatus: 502,
        details: "x",
      }),
      'zoogate; error=connection_refused; next-hop="10.0.0.1:80"; received-status=502; details="x"',
    );
  });
});

describe("sfString()", () => {
  it("escapes quotes and backslashes, and lets nothing end the field", () => {
    assert.equal(sfString('a"b\\c\r\nd\xe9'), '"a\\"b\\\\c??d?"');
  });
});
