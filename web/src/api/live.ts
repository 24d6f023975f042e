// The live stream: one EventSource for the whole page, its scope that of the screen. A message invalidates what it may
// have changed; refetches are gathered, so that a busy fleet costs each query one a second at most.

import type { Query, QueryClient } from "@tanstack/react-query";
import { query } from "./client";
import { connection, markFresh } from "./freshness";

const GATHER_MS = 1000;
const GATHER_LISTS_MS = 5000; // a list of devices may have many pages
const RETRY_MS = 2000;

interface Message {
  kind?: string;
  id?: string | number | null;
  device_id?: string | null;
  rollout_id?: number | null;
}

/** Which cached queries a stream message may have changed, as the first parts of their keys. */
export function keysTouchedBy(kind: string, data: Message): unknown[][] {
  if (kind === "device") return [["device", String(data.id)]];
  if (kind === "rollout") return [["rollout", String(data.id)], ["rollouts"]];
  if (kind === "overview") return [["overview"]];
  const keys: unknown[][] = [["events"]];
  if (data.device_id) keys.push(["device", data.device_id], ["devices"], ["overview"]);
  if (data.rollout_id) keys.push(["rollout", String(data.rollout_id)], ["rollouts"], ["overview"]);
  if (data.kind?.startsWith("alert.")) keys.push(["alerts"], ["overview"]);
  if (data.kind?.startsWith("release.") || data.kind?.startsWith("patch.")) keys.push(["models"]);
  return keys;
}

export class LiveStream {
  private source: EventSource | null = null;
  private scope = "";
  private lastEventId = "";
  private waiting = new Set<string>();
  private retrying: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly client: QueryClient) {}

  /** Watches what the screen shows: "overview", "device:cam-7", "rollout:3". Nothing is missed between two scopes. */
  watch(scope: string) {
    if (this.source && scope === this.scope) return;
    this.scope = scope;
    this.open();
  }

  close() {
    if (this.retrying) clearTimeout(this.retrying);
    this.retrying = null;
    this.source?.close();
    this.source = null;
  }

  private open() {
    this.close();
    const source = new EventSource(`/api/v1/stream${query({ scope: this.scope, last_event_id: this.lastEventId })}`);
    source.onopen = () => {
      connection.value = "live";
      markFresh();
      this.refreshWhatCameBefore(Date.now());
    };
    source.onerror = () => {
      connection.value = "reconnecting";
      // The browser tries again by itself, unless the answer was no stream at all, as while the server starts.
      if (source.readyState === EventSource.CLOSED) this.retrying = setTimeout(() => this.open(), RETRY_MS);
    };
    for (const kind of ["event", "device", "rollout", "overview"]) source.addEventListener(kind, (message) => this.take(kind, message));
    this.source = source;
  }

  /** What was read before the stream was open may have changed without a message. */
  private refreshWhatCameBefore(openedAt: number) {
    const predicate = (query: Query) => query.queryKey[0] !== "me" && query.state.dataUpdatedAt < openedAt + GATHER_MS;
    setTimeout(() => void this.client.invalidateQueries({ predicate }, { cancelRefetch: false }), GATHER_MS);
  }

  private take(kind: string, message: MessageEvent<string>) {
    markFresh();
    if (kind === "event") this.lastEventId = message.lastEventId;
    for (const key of keysTouchedBy(kind, JSON.parse(message.data))) this.invalidateSoon(key);
  }

  private invalidateSoon(queryKey: unknown[]) {
    const name = JSON.stringify(queryKey);
    if (this.waiting.has(name)) return;
    this.waiting.add(name);
    setTimeout(
      () => {
        this.waiting.delete(name);
        void this.client.invalidateQueries({ queryKey });
      },
      queryKey[0] === "devices" ? GATHER_LISTS_MS : GATHER_MS,
    );
  }
}
