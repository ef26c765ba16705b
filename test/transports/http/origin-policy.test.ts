import { describe, expect, test } from "vitest";
import { OriginPolicy } from "../../../src/transports/http/origin-policy.ts";

describe("without a setting", () => {
  const policy = new OriginPolicy([]);
  const cases: [what: string, origin: string | undefined, host: string | undefined, allowed: boolean][] = [
    ["a program, which has no origin", undefined, "127.0.0.1:8080", true],
    ["a page that this server delivered", "http://books.example.com:8080", "books.example.com:8080", true],
    ["the same behind a TLS proxy", "https://books.example.com", "books.example.com", true],
    ["a page of localhost", "http://localhost:3000", "127.0.0.1:8080", true],
    ["a page of 127.0.0.1", "http://127.0.0.1:5173", "localhost:8080", true],
    ["a page of [::1]", "http://[::1]:3000", "127.0.0.1:8080", true],
    ["another site", "https://evil.example", "127.0.0.1:8080", false],
    ["another port of the same host", "http://books.example.com", "books.example.com:8080", false],
    ["a name that only begins like localhost", "http://localhost.evil.example", "127.0.0.1:8080", false],
    ["a name that only begins like 127.", "http://127.0.0.1.evil.example", "127.0.0.1:8080", false],
    ["a sandboxed page or a file", "null", "127.0.0.1:8080", false],
    ["no origin at all but a text", "evil", "evil", false],
    ["credentials in front of the host", "http://localhost@evil.example", "127.0.0.1:8080", false],
    ["another scheme", "chrome-extension://localhost", "127.0.0.1:8080", false],
  ];
  test.each(cases)("%s", (_what, origin, host, allowed) => {
    expect(policy.allows(origin, host)).toBe(allowed);
  });
});

test("a name that points to a server on loopback is no page of that server's", () => {
  const policy = new OriginPolicy([]);
  policy.listensOn("127.0.0.1");
  expect(policy.allows("http://rebound.example:8080", "rebound.example:8080")).toBe(false);
  expect(policy.allows("http://127.0.0.1:8080", "127.0.0.1:8080")).toBe(true);
  policy.listensOn("0.0.0.0");
  expect(policy.allows("http://books.example.com", "books.example.com")).toBe(true);
});

test("origins of the setting are allowed, and no others", () => {
  const policy = new OriginPolicy(["https://App.example.com", "http://intranet:8000"]);
  expect(policy.allows("https://app.example.com", "x")).toBe(true);
  expect(policy.allows("http://intranet:8000", "x")).toBe(true);
  expect(policy.allows("http://app.example.com", "x")).toBe(false);
  expect(policy.allows("https://app.example.com:8443", "x")).toBe(false);
});

test("* allows every page", () => {
  const policy = new OriginPolicy(["*"]);
  expect(policy.allows("https://evil.example", "x")).toBe(true);
  expect(policy.allows("null", "x")).toBe(true);
});

test("an entry that is no origin is refused, naming the setting", () => {
  for (const entry of ["example.com", "https://example.com/path", "ftp://example.com", ""]) {
    expect(() => new OriginPolicy([entry])).toThrow(/origins/);
  }
});

test("the refusal says what to set", () => {
  expect(() => new OriginPolicy([]).check("https://evil.example", "x")).toThrow(/origins/);
});
