// The server of a test: answers that it was told to give to /api/v1, and the requests that came.

import { vi } from "vitest";

export interface Seen {
  method: string;
  path: string; // behind /api/v1, with its query
  headers: Record<string, string>;
  body: unknown;
}

type Answer = unknown | ((request: Seen) => unknown);

export class Problem {
  constructor(
    readonly status: number,
    readonly slug: string,
    readonly detail: string,
    readonly errors: { field: string; message: string }[] = [],
  ) {}
}

/** An answer that is no JSON. */
export class Text {
  constructor(readonly text: string) {}
}

/** No connection: what `fetch` throws. */
export const UNREACHABLE = Symbol("unreachable");

export class FakeApi {
  readonly requests: Seen[] = [];
  private readonly answers = new Map<string, Answer>();

  constructor() {
    vi.stubGlobal("fetch", (address: string, init: RequestInit) => this.take(address, init));
  }

  /** Answers "GET /devices", whatever its query unless it is named; the newest answer counts. */
  on(request: string, answer: Answer): this {
    this.answers.set(request, answer);
    return this;
  }

  of(request: string): Seen[] {
    return this.requests.filter((each) => this.names(each).includes(request));
  }

  private names({ method, path }: Seen): string[] {
    return [`${method} ${path}`, `${method} ${path.split("?")[0]}`];
  }

  private async take(address: string, init: RequestInit): Promise<Response> {
    const body = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    const request: Seen = { method: init.method ?? "GET", path: address.replace("/api/v1", ""), headers: init.headers as Record<string, string>, body };
    this.requests.push(request);
    const name = this.names(request).find((each) => this.answers.has(each));
    const planned = name === undefined ? new Problem(404, "not-found", `the test plans no answer to ${request.method} ${request.path}`) : this.answers.get(name);
    return responseOf(await (typeof planned === "function" ? planned(request) : planned));
  }
}

function responseOf(answer: unknown): Response {
  if (answer === UNREACHABLE) throw new TypeError("Failed to fetch");
  if (answer instanceof Text) return new Response(answer.text);
  if (answer instanceof Problem) {
    const { status, slug, detail, errors } = answer;
    return new Response(JSON.stringify({ type: `https://argosy.dev/problems/${slug}`, status, detail, errors }), { status });
  }
  return new Response(answer === undefined ? null : JSON.stringify(answer), { status: answer === undefined ? 204 : 200 });
}
