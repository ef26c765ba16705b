import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { DepthcastError, ErrorCode } from "../../../src/errors.ts";
import { startTestServer, type TestServer } from "./http-harness.ts";

let server: TestServer;
afterEach(() => server.stop());

const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, init);

async function errorOf(response: Response): Promise<[status: number, code: string, message: string]> {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return [response.status, error.code, error.message];
}

/** The whole answer to raw bytes, for what `fetch` would not send. */
function rawExchange(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      answer += chunk;
    });
    socket.once("close", () => resolve(answer));
    socket.once("error", reject);
    socket.write(request);
  });
}

describe("books and instruments", () => {
  test("instruments in the order of their definition", async () => {
    server = await startTestServer();
    const response = await get("/v1/instruments");
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    const { instruments } = (await response.json()) as { instruments: { symbol: string }[] };
    expect(instruments.map((instrument) => instrument.symbol)).toEqual(["BTC-USD", "ETH/USD"]);
  });

  test("a book is the snapshot object, with view 0", async () => {
    server = await startTestServer();
    expect(await (await get("/v1/book/BTC-USD?depth=5")).json()).toEqual({
      type: "snapshot",
      viewId: 0,
      symbol: "BTC-USD",
      epoch: "7",
      sequence: "125",
      bids: [["61837.63", "3.78826000", 5]],
      asks: [],
      checksum: 42,
      state: "open",
      sourceTime: "0",
      publishTime: "9",
    });
  });

  test("a symbol with a slash is percent-encoded; no depth and 0 are the default", async () => {
    server = await startTestServer();
    for (const query of ["", "?depth=0", "?depth=20"]) {
      const book = (await (await get(`/v1/book/ETH%2FUSD${query}`)).json()) as Record<string, unknown>;
      expect(book).toMatchObject({ symbol: "ETH/USD", bids: [["61837.63", "3.78826000", 20]] });
    }
  });

  test.each(["x", "-1", "1.5", "1001", "1e2", "", "99999999999", "5&depth=6", "0x5"])(
    "depth=%s is refused",
    async (depth) => {
      server = await startTestServer();
      const [status, code, message] = await errorOf(await get(`/v1/book/BTC-USD?depth=${depth}`));
      expect([status, code]).toEqual([400, "invalid_argument"]);
      expect(message).toMatch(/^depth: .*1000/);
    },
  );

  test("unknown and impossible symbols", async () => {
    server = await startTestServer();
    expect((await errorOf(await get("/v1/book/NO"))).slice(0, 2)).toEqual([404, "not_found"]);
    expect((await errorOf(await get("/v1/book/%00"))).slice(0, 2)).toEqual([404, "not_found"]);
    expect((await errorOf(await get(`/v1/book/${"x".repeat(5000)}`)))[0]).toBeGreaterThanOrEqual(404);
    expect((await errorOf(await get("/v1/book/%zz"))).slice(0, 2)).toEqual([400, "invalid_argument"]);
    expect((await errorOf(await get("/v1/book/%ff"))).slice(0, 2)).toEqual([400, "invalid_argument"]);
  });

  test("errors of the source have the fitting status, and bugs give nothing away", async () => {
    let thrown: unknown;
    server = await startTestServer({
      overrides: { snapshots: { read: () => Promise.reject(thrown) } },
    });
    const answers: [Error, number, string][] = [
      [new DepthcastError(ErrorCode.resourceExhausted, "no memory"), 429, "resource_exhausted"],
      [new DepthcastError(ErrorCode.unavailable, "stopping"), 503, "unavailable"],
      [new DepthcastError(ErrorCode.deadlineExceeded, "late"), 504, "deadline_exceeded"],
      [new DepthcastError(ErrorCode.failedPrecondition, "epoch"), 412, "failed_precondition"],
    ];
    for (const [error, status, code] of answers) {
      thrown = error;
      expect(await errorOf(await get("/v1/book/X"))).toEqual([status, code, error.message]);
    }
    thrown = new Error("secret internals");
    expect(await errorOf(await get("/v1/book/X"))).toEqual([500, "internal", "internal error"]);
  });

  test("a reader that has gone is told to the source", async () => {
    let aborted = false;
    const reading = Promise.withResolvers<void>();
    server = await startTestServer({
      overrides: {
        snapshots: {
          read: (_request, signal) =>
            new Promise((_resolve, reject) => {
              reading.resolve();
              signal.addEventListener("abort", () => {
                aborted = true;
                reject(new DepthcastError(ErrorCode.deadlineExceeded, "gone"));
              });
            }),
        },
      },
    });
    const gone = new AbortController();
    const answer = get("/v1/book/BTC-USD", { signal: gone.signal }).catch(() => undefined);
    await reading.promise;
    gone.abort();
    await answer;
    await expect.poll(() => aborted).toBe(true);
  });
});

describe("health, metrics, the page", () => {
  test("health and readiness", async () => {
    let reasons: string[] = [];
    server = await startTestServer({
      overrides: { readiness: () => ({ ready: reasons.length === 0, reasons }) },
    });
    expect((await get("/healthz")).status).toBe(200);
    expect((await get("/readyz")).status).toBe(200);
    reasons = ["log: replaying"];
    const response = await get("/readyz");
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, reasons });
  });

  test("metrics, once at a time for however many scrapers", async () => {
    let runs = 0;
    server = await startTestServer({
      overrides: {
        metricsText: async () => {
          runs += 1;
          await new Promise((resolve) => setTimeout(resolve, 100));
          return "depthcast_x 1\n";
        },
      },
    });
    const responses = await Promise.all(Array.from({ length: 8 }, () => get("/metrics")));
    for (const response of responses) {
      expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(await response.text()).toBe("depthcast_x 1\n");
    }
    expect(runs).toBeLessThan(8);
  });

  test("the page loads its own files only, and nothing inline", async () => {
    server = await startTestServer();
    const response = await get("/");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]* src=)| on\w+=| style=|<style/i);
    const files = Array.from(
      html.matchAll(/(?:src|href)="(\/(?:assets\/|icon)[^"]+)"/g),
      ([, path]) => path!,
    );
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const file of files) expect((await get(file)).status).toBe(200);
    for (const path of [
      "/assets/",
      "/assets/../../package.json",
      "/..%2f..%2fpackage.json",
      "/index.html%00",
    ]) {
      expect((await get(path)).status).toBe(404);
    }
  });

  test("integrity is not there unless switched on", async () => {
    server = await startTestServer();
    expect((await get("/debug/integrity")).status).toBe(404);
  });

  test("integrity reports each book, and 500 where one is not sound", async () => {
    let faults: string[] = [];
    server = await startTestServer({ overrides: { integrity: () => [{ symbol: "BTC-USD", faults }] } });
    const sound = await get("/debug/integrity");
    expect([sound.status, await sound.json()]).toEqual([
      200,
      { ok: true, books: [{ symbol: "BTC-USD", faults: [] }] },
    ]);
    faults = ["bid 100: sum 3, orders 4"];
    expect((await get("/debug/integrity")).status).toBe(500);
  });
});

describe("who may ask, and for what", () => {
  test("credentials are asked for before anything is looked at", async () => {
    const operations: string[] = [];
    server = await startTestServer({
      authorize: ({ operation, credential }) => {
        operations.push(operation);
        if (credential !== "Bearer good")
          throw new DepthcastError(ErrorCode.unauthenticated, "credentials wanted");
      },
      overrides: { integrity: () => [] },
    });
    for (const path of ["/v1/instruments", "/v1/book/BTC-USD?depth=x", "/debug/integrity"]) {
      expect(await errorOf(await get(path))).toEqual([401, "unauthenticated", "credentials wanted"]);
    }
    expect(operations).toEqual(["market_data", "market_data", "debug"]);
    const headers = { authorization: "Bearer good" };
    expect((await get("/v1/instruments", { headers })).status).toBe(200);
    expect((await get("/healthz")).status).toBe(200);
  });

  test("only pages of an allowed origin may read the answer", async () => {
    server = await startTestServer({ overrides: { origins: ["https://app.example.com"] } });
    const corsOf = async (origin: string) => {
      const response = await get("/v1/instruments", { headers: { origin } });
      expect(response.headers.get("vary")).toBe("Origin");
      return response.headers.get("access-control-allow-origin");
    };
    expect(await corsOf("https://app.example.com")).toBe("https://app.example.com");
    expect(await corsOf("http://localhost:3000")).toBe("http://localhost:3000");
    expect(await corsOf("https://evil.example")).toBeNull();
    const preflight = await get("/v1/book/BTC-USD", {
      method: "OPTIONS",
      headers: { origin: "http://localhost:3000" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization");
  });

  test("other methods and paths", async () => {
    server = await startTestServer();
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const response = await get("/v1/instruments", { method });
      expect(response.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
      expect((await errorOf(response))[0]).toBe(405);
    }
    expect((await get("/healthz", { method: "HEAD" })).status).toBe(200);
    expect((await errorOf(await get("/v2"))).slice(0, 2)).toEqual([404, "not_found"]);
  });
});

describe("what is no proper request", () => {
  test("garbage, and headers that are too large, are answered in the same form", async () => {
    server = await startTestServer();
    const garbage = await rawExchange("\u0016\u0003\u0001 hello\r\n\r\n");
    expect(garbage).toMatch(/^HTTP\/1.1 400 .*"code":"invalid_argument"/s);
    const large = await rawExchange(`GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`);
    expect(large).toMatch(/^HTTP\/1.1 431 .*"message":"the request's headers are too large"/s);
  });

  test("a few pipelined requests are answered in order, a great many end the connection", async () => {
    server = await startTestServer();
    const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
    const last = "GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    const few = await rawExchange(request("/healthz").repeat(7) + last);
    expect(few.match(/HTTP\/1.1 200 /g)?.length).toBe(8);
    expect(few.endsWith('{"ready":true,"reasons":[]}')).toBe(true);
    const many = await rawExchange(request("/healthz").repeat(1500)).catch(() => "");
    expect(many.match(/HTTP\/1.1 200 /g)?.length ?? 0).toBeLessThanOrEqual(16);
    expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200);
  });

  test("who asks to upgrade to HTTP/2 is served as if it had not", async () => {
    server = await startTestServer();
    const answer = await rawExchange(
      "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  test("a request that does not come to its end is answered 408", async () => {
    server = await startTestServer({ limits: { handshakeTimeoutMs: 300 } });
    expect(await rawExchange("GET /healthz HTTP/1.1\r\nhost: x\r\n")).toMatch(/^(HTTP\/1.1 408 |$)/);
  });
});
