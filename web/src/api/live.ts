// The live stream: one EventSource for the whole page, its scope that of the screen. A message invalidates what it may
// have changed; refetches are gathered, so that a busy fleet costs one a second at most.

import { signal } from "@preact/signals";
import type { QueryClient } from "@tanstack/react-query";

export type Connection = "connecting" | "live" | "reconnecting";
export const connection = signal<Connection>("connecting");
/** When the last message or heartbeat came, in milliseconds since 1970. */
export const lastMessageAt = signal(Date.now());

const GATHER_MS = 1000;

/** Which cached queries a stream message may have changed, as the first parts of their keys. */
export function keysTouchedBy(kind: string, data: { kind?: string; id?: string | number; device_id?: string | null; rollout_id?: number | null }): unknown[][] {
  if (kind === "device") return [["device", String(data.id)]];
  if (kind === "rollout") return [["rollout", String(data.id)], ["rollouts"]];
  if (kind === "overview") return [["overview"]];
  const keys: unknown[][] = [["events"]];
  if (data.device_id) keys.push(["device", data.device_id], ["devices"], ["overview"]);
  if (data.rollout_id) keys.push(["rollout", String(data.rollout_id)], ["rollouts"], ["overview"]);
  if (data.kind?.startsWith("alert.")) keys.push(["alerts"], ["overview"]);
  return keys;
}

export class LiveStream {
  private source: EventSource | null = null;
  private scope = "";
  private waiting = new Map<string, unknown[]>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly client: QueryClient) {}

  /** Watches what the screen shows: "overview", "device:cam-7", "rollout:3". */
  watch(scope: string) {
    if (this.source && scope === this.scope) return;
    this.scope = scope;
    this.close();
    const source = new EventSource(`/api/v1/stream?scope=${encodeURIComponent(scope)}`);
    source.onopen = () => {
      const missed = connection.value === "reconnecting";
      connection.value = "live";
      lastMessageAt.value = Date.now();
      if (missed) void this.client.invalidateQueries();
    };
    source.onerror = () => {
      connection.value = "reconnecting";
    };
    for (const kind of ["event", "device", "rollout", "overview"]) {
      source.addEventListener(kind, (message) => this.take(kind, (message as MessageEvent<string>).data));
    }
    this.source = source;
  }

  close() {
    this.source?.close();
    this.source = null;
  }

  private take(kind: string, text: string) {
    lastMessageAt.value = Date.now();
    for (const key of keysTouchedBy(kind, JSON.parse(text))) this.waiting.set(JSON.stringify(key), key);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      const keys = [...this.waiting.values()];
      this.waiting.clear();
      for (const queryKey of keys) void this.client.invalidateQueries({ queryKey });
    }, GATHER_MS);
  }
}
