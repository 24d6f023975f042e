// Surfaces and the states that every screen has: loading, empty, failed.

import type { ComponentChildren } from "preact";
import { ApiError } from "../api/client";

export function Card({ title, extra, children, flush = false }: { title: string; extra?: ComponentChildren; children: ComponentChildren; flush?: boolean }) {
  return (
    <section class="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {extra}
      </header>
      {flush ? children : <div class="body">{children}</div>}
    </section>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="muted" style="padding: var(--space-4); margin: 0">{children}</p>;
}

/** Holds the place of what is being loaded, so that nothing jumps when it comes. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="stack" style="padding: var(--space-4)" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} class="skeleton" style={{ width: `${90 - (index % 3) * 18}%` }} />
      ))}
    </div>
  );
}

/** `what` failed, where it is not plain from the place. */
export function Failure({ what, error, retry }: { what?: string; error: unknown; retry?: () => void }) {
  const text = error instanceof ApiError ? error.message : "The server cannot be reached.";
  return (
    <div class="notice tone-bad" role="alert">
      <div class="row between">
        <span>{what === undefined ? text : `${what}: ${text}`}</span>
        {retry && (
          <button class="button" type="button" onClick={retry}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}
