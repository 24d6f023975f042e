// When one device was there: a strip over the last day or week, and its spans in words.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { usePresence, type PresenceSpan, type PresenceTimeline } from "../api/connectivity";
import { Card, Failure, Skeleton } from "../ui/card";
import { Copy } from "../ui/copy";
import { clock, number, span, words } from "../ui/format";
import { Segments } from "../ui/segments";
import { Status } from "../ui/status";
import { STATE_TONE, causeText, nextCell, shareText, spanText } from "./availability";

const RANGES: [string, string][] = [
  ["86400", "24 h"],
  ["604800", "7 d"],
];
const SPANS_IN_WORDS = 50;

export function ConnectivityStrip({ id }: { id: string }) {
  const search = new URLSearchParams(useSearch());
  const [path, navigate] = useLocation();
  const range = RANGES.find(([seconds]) => seconds === search.get("presence"))?.[0] ?? "86400";
  const timeline = usePresence(id, Number(range));
  const choose = (chosen: string) => {
    search.set("presence", chosen);
    navigate(`${path}?${search}`, { replace: true });
  };
  return (
    <Card title="Connectivity" extra={<Segments label="Range of the connectivity" choices={RANGES} chosen={range} onChoose={choose} />}>
      {timeline.isPending ? (
        <Skeleton lines={2} />
      ) : !timeline.data ? (
        <Failure error={timeline.error} retry={() => void timeline.refetch()} />
      ) : timeline.data.spans.length === 0 ? (
        <p class="muted">It was not seen in this time.</p>
      ) : (
        <div class="stack">
          <p>
            <strong>{shareText(timeline.data.availability)}</strong> available
            {timeline.data.unknown_s > 0 && <span class="muted"> · nobody watched for {span(timeline.data.unknown_s * 1000)}, which does not count</span>}
            {timeline.data.intermittent && (
              <>
                {" "}
                <Status tone="warn" text="Intermittent" />
              </>
            )}
          </p>
          <Strip timeline={timeline.data} />
          <InWords spans={timeline.data.spans} />
          <Copy text={range === "86400" ? `argosy device presence ${id}` : `argosy device presence ${id} --from ${timeline.data.from}`} />
        </div>
      )}
    </Card>
  );
}

function Strip({ timeline }: { timeline: PresenceTimeline }) {
  const bar = useRef<HTMLDivElement>(null);
  const place = useSignal(0);
  const told = useSignal("");
  const { spans } = timeline;
  const from = Date.parse(timeline.from);
  const before = Date.parse(spans[0]!.from) - from;
  const move = (event: KeyboardEvent, at: number) => {
    const next = nextCell(event.key, 0, at, 1, spans.length);
    if (!next) return;
    event.preventDefault();
    place.value = next[1];
    bar.current?.querySelector<HTMLButtonElement>(`[data-span="${next[1]}"]`)?.focus();
  };
  return (
    <div>
      <div class="strip" ref={bar} role="group" aria-label="Presence over time; arrow keys go from span to span">
        {before > 0 && <span class="strip-span before" style={{ flexGrow: before }} title="Before it was seen" />}
        {spans.map((each, at) => (
          <button
            key={each.from}
            type="button"
            data-span={at}
            class={`strip-span ${each.state}`}
            style={{ flexGrow: Date.parse(each.to) - Date.parse(each.from) }}
            tabIndex={Math.min(place.value, spans.length - 1) === at ? 0 : -1}
            aria-label={spanText(each)}
            onFocus={() => {
              told.value = spanText(each);
              place.value = at;
            }}
            onMouseEnter={() => (told.value = spanText(each))}
            onKeyDown={(event) => move(event, at)}
          />
        ))}
      </div>
      <div class="row between small muted" aria-hidden="true">
        <span>{clock(timeline.from)}</span>
        <span>{clock(timeline.to)}</span>
      </div>
      <p class="small" style="min-height: 1.5em">
        {told.value}
      </p>
    </div>
  );
}

function InWords({ spans }: { spans: PresenceSpan[] }) {
  const newest = spans.slice(-SPANS_IN_WORDS).reverse();
  return (
    <details>
      <summary>{newest.length < spans.length ? `The newest ${newest.length} of ${number(spans.length)} spans` : `Its spans in words (${number(spans.length)})`}</summary>
      <div class="table-wrap" tabIndex={0} role="region" aria-label="Spans of presence">
        <table>
          <thead>
            <tr>
              <th>Since</th>
              <th class="num">For</th>
              <th>State</th>
              <th>Cause</th>
              <th>Reason</th>
            </tr>
          </thead>
          <tbody>
            {newest.map((each) => (
              <tr key={each.from}>
                <td class="nowrap">{clock(each.from)}</td>
                <td class="num">{span(Date.parse(each.to) - Date.parse(each.from))}</td>
                <td class="nowrap">
                  <Status tone={STATE_TONE[each.state]} text={each.state === "unsettled" ? `${number(each.changes)} changes` : words(each.state)} />
                </td>
                <td class="nowrap">{causeText(each.cause)}</td>
                <td class="wide-text">{each.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
