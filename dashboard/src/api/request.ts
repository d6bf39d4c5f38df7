// Requests to the daemon that served this page. The session is a cookie that no script can read.
import type { Problem } from "./types";

/** What the daemon refused; without a problem it didn't answer at all. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | null,
  ) {
    super(problem?.detail);
  }
}

const PATIENCE_MS = 10_000;

export async function request<T>(
  method: string,
  path: string,
  body?: unknown,
  etag?: string,
): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (etag !== undefined) headers["If-Match"] = etag;
  let answer: Response;
  try {
    answer = await fetch(path.startsWith("/session") ? path : `/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Failure(0, null);
  }
  if (!answer.ok) {
    let problem: Problem | null = null;
    try {
      problem = (await answer.json()) as Problem;
    } catch {
      // Not from the daemon: a proxy between, or half an answer.
    }
    throw new Failure(answer.status, problem);
  }
  if (answer.status === 204) return undefined as T;
  try {
    return (await answer.json()) as T;
  } catch {
    throw new Failure(0, null); // cut off in the middle
  }
}

export const get = <T>(path: string) => request<T>("GET", path);

export function query(given: Record<string, string | number | undefined | null>): string {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== null && value !== "") told.set(name, String(value));
  }
  const text = told.toString();
  return text === "" ? "" : `?${text}`;
}
