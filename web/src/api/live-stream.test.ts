import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connection, freshAt } from "./freshness";
import { LiveStream } from "./live";

/** The browser's side of a stream, as the test plays it. */
class PlayedStream extends EventTarget {
  static readonly CLOSED = 2;
  static all: PlayedStream[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly asked: URLSearchParams;

  constructor(address: string) {
    super();
    this.asked = new URL(address, "http://fleet").searchParams;
    PlayedStream.all.push(this);
  }
  close() {
    this.readyState = PlayedStream.CLOSED;
  }
  opens() {
    this.readyState = 1;
    this.onopen!();
  }
  breaks({ forGood }: { forGood: boolean }) {
    this.readyState = forGood ? PlayedStream.CLOSED : 0;
    this.onerror!();
  }
  says(kind: string, data: object, lastEventId = "") {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId }));
  }
  get isOpen() {
    return this.readyState !== PlayedStream.CLOSED;
  }
}

const streams = () => PlayedStream.all;
const newest = () => streams().at(-1)!;

let client: QueryClient;
let live: LiveStream;
let invalidated: unknown[][];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", PlayedStream);
  PlayedStream.all = [];
  connection.value = "connecting";
  client = new QueryClient();
  invalidated = [];
  const invalidate = client.invalidateQueries.bind(client);
  client.invalidateQueries = (filters, options) => {
    if (filters?.queryKey) invalidated.push([...filters.queryKey]);
    return invalidate(filters, options);
  };
  live = new LiveStream(client);
});

afterEach(() => {
  live.close();
  client.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the live stream", () => {
  it("is one, whose scope follows the screen", () => {
    live.watch("overview");
    live.watch("overview");
    expect(streams()).toHaveLength(1);
    live.watch("device:cam-7");
    expect(streams().map(({ asked, isOpen }) => [asked.get("scope"), isOpen])).toEqual([
      ["overview", false],
      ["device:cam-7", true],
    ]);
  });

  it("misses nothing between two scopes: it goes on after the last event that it had", () => {
    live.watch("overview");
    newest().opens();
    newest().says("event", { kind: "device.presence", device_id: "cam-1" }, "41");
    newest().says("overview", {}, "");
    live.watch("rollout:3");
    expect(newest().asked.get("last_event_id")).toBe("41");
  });

  it("says when it is live, and from when what is seen is", () => {
    live.watch("overview");
    expect(connection.value).toBe("connecting");
    vi.setSystemTime(5_000);
    newest().opens();
    expect([connection.value, freshAt.value]).toEqual(["live", 5_000]);
    vi.setSystemTime(9_000);
    newest().says("overview", {});
    expect(freshAt.value).toBe(9_000);
  });
});

describe("a stream that breaks", () => {
  it("is left to the browser, which tries again by itself", () => {
    live.watch("overview");
    newest().opens();
    newest().breaks({ forGood: false });
    expect(connection.value).toBe("reconnecting");
    vi.advanceTimersByTime(60_000);
    expect(streams()).toHaveLength(1);
    newest().opens();
    expect(connection.value).toBe("live");
  });

  it("that the browser gave up is opened anew after two seconds, again and again, where it ended", () => {
    live.watch("overview");
    newest().opens();
    newest().says("event", { kind: "device.presence", device_id: "cam-1" }, "7");
    for (let failure = 1; failure <= 3; failure += 1) {
      newest().breaks({ forGood: true });
      vi.advanceTimersByTime(1_999);
      expect(streams()).toHaveLength(failure);
      vi.advanceTimersByTime(1);
      expect(streams()).toHaveLength(failure + 1);
      expect(newest().asked.get("last_event_id")).toBe("7");
    }
  });

  it("is not opened twice when the screen changes meanwhile", () => {
    live.watch("overview");
    newest().breaks({ forGood: true });
    live.watch("device:cam-7");
    vi.advanceTimersByTime(10_000);
    expect(streams().map(({ asked }) => asked.get("scope"))).toEqual(["overview", "device:cam-7"]);
  });

  it("stays closed once nobody watches", () => {
    live.watch("overview");
    newest().breaks({ forGood: true });
    live.close();
    vi.advanceTimersByTime(10_000);
    expect(streams()).toHaveLength(1);
  });

  it("has all read again that came before it was back, but who one is", async () => {
    client.setQueryData(["rollouts"], "old");
    client.setQueryData(["me"], "ada");
    live.watch("overview");
    vi.advanceTimersByTime(60_000);
    newest().opens();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.getQueryState(["rollouts"])?.isInvalidated).toBe(true);
    expect(client.getQueryState(["me"])?.isInvalidated).toBe(false);
  });
});

describe("messages of a busy fleet", () => {
  it("cost each query one look a second, lists of devices one in five", () => {
    live.watch("overview");
    newest().opens();
    for (let message = 0; message < 50; message += 1) {
      newest().says("event", { kind: "update.state", device_id: "cam-7" });
      vi.advanceTimersByTime(100);
    }
    const times = (key: string) => invalidated.filter((each) => each[0] === key).length;
    expect(times("events")).toBeGreaterThanOrEqual(4);
    expect(times("events")).toBeLessThanOrEqual(5);
    expect(times("devices")).toBeLessThanOrEqual(1);
  });

  it("are seen at last: what came while one waited is in the look", () => {
    live.watch("rollout:3");
    newest().opens();
    newest().says("rollout", { id: 3 });
    vi.advanceTimersByTime(1_000);
    expect(invalidated).toEqual([["rollout", "3"], ["rollouts"]]);
    newest().says("rollout", { id: 3 });
    vi.advanceTimersByTime(1_000);
    expect(invalidated).toHaveLength(4);
  });
});
