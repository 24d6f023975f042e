// One place that talks to /api/v1: JSON in and out, problems as typed errors, the CSRF token of the session.

const BASE = "/api/v1";

/** Of a list that may be long. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total?: number;
}

/** A problem document (RFC 9457); `slug` is the stable last part of its type. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    message: string,
    readonly fields: { field: string; message: string }[] = [],
  ) {
    super(message);
  }
}

let csrfToken = "";
export function setCsrfToken(token: string) {
  csrfToken = token;
}

interface CallOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  ifMatch?: string;
  signal?: AbortSignal;
}

export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const method = options.method ?? "GET";
  const headers: Record<string, string> = { Accept: "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken;
  if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
  if (options.ifMatch !== undefined) headers["If-Match"] = `"${options.ifMatch}"`;
  const response = await fetch(BASE + path, {
    method,
    headers,
    credentials: "same-origin",
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
    signal: options.signal,
  });
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return (text === "" ? {} : JSON.parse(text)) as T;
}

async function problemOf(response: Response): Promise<ApiError> {
  try {
    const problem = await response.json();
    const slug = String(problem.type ?? "").split("/").pop() ?? "";
    return new ApiError(response.status, slug, problem.detail ?? problem.title ?? response.statusText, problem.errors ?? []);
  } catch {
    return new ApiError(response.status, "", `The server answered ${response.status} ${response.statusText}`);
  }
}

/** A name as a piece of a path. */
export const path = encodeURIComponent;

/** A query string of the values that are set. */
export function query(values: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return pairs.length === 0 ? "" : "?" + pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join("&");
}

/** A text of any kind, as far as the limit lets it lie in memory. */
export async function fetchText(path: string, limit: number): Promise<string> {
  const response = await fetch(BASE + path, { method: "GET", credentials: "same-origin" });
  if (!response.ok) throw await problemOf(response);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let size = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    size += piece.value.byteLength;
    if (size > limit) {
      await reader.cancel();
      throw new ApiError(413, "too-large", `This is over ${limit / 1_000_000} MB, which is more than a browser should hold: narrow it, or take the CSV.`);
    }
    parts.push(decoder.decode(piece.value, { stream: true }));
  }
  return parts.join("") + decoder.decode();
}
