// When the page last heard from the server, by an answer or by the live stream.

import { signal } from "@preact/signals";

export type Connection = "connecting" | "live" | "reconnecting";
export const connection = signal<Connection>("connecting");
/** In milliseconds since 1970. */
export const freshAt = signal(Date.now());

export function markFresh() {
  freshAt.value = Date.now();
}
