// How available the fleet is: by site and hour, where the trouble is, and which devices come and go.

import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { useConnectivity, type Connectivity as Data, type SiteAvailability } from "../api/connectivity";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Copy } from "../ui/copy";
import { number, plural, span } from "../ui/format";
import { Segments } from "../ui/segments";
import { PresenceStatus, Status } from "../ui/status";
import { type Block, blocksOf, blockText, gradeOf, gradesShown, nextCell, shareText, sharesByBlock, siteFilter } from "./availability";
import { devicePath, devicesPath, withSearch } from "./paths";

const DAY_S = 86400;
const RANGES: [string, string][] = [
  [String(DAY_S), "24 h"],
  [String(7 * DAY_S), "7 d"],
];
const MOST_COLUMNS = 28;

export default function Connectivity() {
  const search = new URLSearchParams(useSearch());
  const range = RANGES.find(([seconds]) => seconds === search.get("range"))?.[0] ?? String(DAY_S);
  const [, navigate] = useLocation();
  const day = useConnectivity(DAY_S);
  const week = useConnectivity(7 * DAY_S);
  const shown = range === String(DAY_S) ? day : week;
  if (shown.isPending) return <Skeleton lines={12} />;
  if (!shown.data) return <Failure error={shown.error} retry={() => void shown.refetch()} />;
  const data = shown.data;
  return (
    <>
      <div class="row between">
        <h1>Connectivity</h1>
        <Segments label="Range" choices={RANGES} chosen={range} onChoose={(chosen) => navigate(withSearch("/connectivity", { range: chosen }), { replace: true })} />
      </div>
      <Figures now={data} day={day.data} week={week.data} />
      <HeatMap data={data} />
      <div class="grid-2">
        <Trouble data={data} />
        <Intermittent data={data} />
      </div>
      <Copy text={range === String(DAY_S) ? "argosy connectivity" : `argosy connectivity --from ${data.from}`} />
    </>
  );
}

function Figures({ now, day, week }: { now: Data; day: Data | undefined; week: Data | undefined }) {
  const { devices, online, offline } = now.fleet;
  return (
    <section class="grid-4" aria-label="The fleet">
      <Link href={devicesPath('presence != "never_seen"')} class="card stat">
        <span class="value">{devices === 0 ? "–" : shareText(online / devices)}</span>
        <span class="muted">{`online now: ${number(online)} of ${number(devices)}`}</span>
      </Link>
      <div class="card stat">
        <span class="value">{shareText(day?.fleet.availability)}</span>
        <span class="muted">available in 24 h</span>
      </div>
      <div class="card stat">
        <span class="value">{shareText(week?.fleet.availability)}</span>
        <span class="muted">available in 7 d</span>
      </div>
      <Link href={devicesPath('presence = "offline"')} class="card stat">
        <span class="value">{number(offline)}</span>
        <span>
          <Status tone={offline === 0 ? "quiet" : "bad"} text="Offline" />
        </span>
      </Link>
      <Link href={devicesPath('intermittent = "true"')} class="card stat">
        <span class="value">{number(now.intermittent.devices)}</span>
        <span>
          <Status tone={now.intermittent.devices === 0 ? "quiet" : "warn"} text="Intermittent" />
        </span>
      </Link>
    </section>
  );
}

const siteName = (site: string | null) => site ?? "no site";

function SiteLink({ label, site }: { label: string; site: string | null }) {
  const filter = siteFilter(label, site);
  return filter === null ? <span class="muted">No site</span> : <Link href={devicesPath(filter)}>{site}</Link>;
}

/** A row for the fleet and one for each site; what a cell says is told under the map, on focus and under the pointer. */
function HeatMap({ data }: { data: Data }) {
  const table = useRef<HTMLTableElement>(null);
  const told = useSignal("");
  const place = useSignal<[number, number]>([0, 0]);
  const blocks = useMemo(() => blocksOf(data.hours, MOST_COLUMNS), [data]);
  const rows = [{ key: "fleet", name: "the fleet", head: <strong>The fleet</strong>, hours: data.fleet.hours }, ...data.sites.map((site) => ({ key: `site ${site.site}`, name: siteName(site.site), head: <SiteLink label={data.label} site={site.site} />, hours: site.hours }))];
  const move = (event: KeyboardEvent, row: number, column: number) => {
    const next = nextCell(event.key, row, column, rows.length, blocks.length);
    if (!next) return;
    event.preventDefault();
    place.value = next;
    table.current?.querySelector<HTMLButtonElement>(`[data-cell="${next[0]} ${next[1]}"]`)?.focus();
  };
  if (data.fleet.devices === 0) return <Card title="By site and hour">No device was seen yet.</Card>;
  return (
    <Card title="By site and hour" extra={<Legend />} flush>
      <div class="table-wrap">
        <table class="heat" ref={table}>
          <caption class="visually-hidden">Availability by site and hour; arrow keys go from cell to cell</caption>
          <thead>
            <tr>
              <th scope="col">Site</th>
              {blocks.map((block, column) => (
                <th key={block.from} scope="col">
                  <span class="visually-hidden">{blockText(block)}</span>
                  <span aria-hidden="true">{columnMark(blocks, column)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              <tr key={row.key}>
                <th scope="row">{row.head}</th>
                {sharesByBlock(row.hours, blocks).map((share, column) => {
                  const text = `${row.name}, ${blockText(blocks[column]!)}: ${share === null ? "not known" : `${shareText(share)} available`}`;
                  const grade = gradeOf(share);
                  return (
                    <td key={column}>
                      <button
                        type="button"
                        class={`heat-cell tone-${grade.tone}${share === null ? " unknown" : ""}`}
                        data-cell={`${at} ${column}`}
                        tabIndex={place.value[0] === at && place.value[1] === column ? 0 : -1}
                        aria-label={text}
                        onFocus={() => {
                          told.value = text;
                          place.value = [at, column];
                        }}
                        onMouseEnter={() => (told.value = text)}
                        onKeyDown={(event) => move(event, at, column)}
                      >
                        <span style={{ height: `${grade.fill * 100}%` }} />
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="heat-told small">{told.value || <span class="muted">The fuller a cell, the more was away. Point at one, or go there with the keyboard, to read it.</span>}</p>
    </Card>
  );
}

/** The hour of each sixth column, and the day where it begins. */
function columnMark(blocks: Block[], column: number): string {
  const from = new Date(blocks[column]!.from);
  const before = column > 0 ? new Date(blocks[column - 1]!.from) : null;
  if (before && before.getDate() !== from.getDate()) return from.toLocaleDateString("en-GB", { weekday: "short" });
  return column % 6 === 0 && blocks.length <= 25 && blocks[blocks.length - 1]!.hours === 1 ? from.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }) : "";
}

function Legend() {
  return (
    <ul class="legend">
      {gradesShown().map((grade) => (
        <li key={grade.name}>
          <i class={`heat-cell tone-${grade.tone}${grade.name === "Not known" ? " unknown" : ""}`} aria-hidden="true">
            <span style={{ height: `${grade.fill * 100}%` }} />
          </i>
          {grade.name}
        </li>
      ))}
    </ul>
  );
}

function Trouble({ data }: { data: Data }) {
  const troubled = data.sites.filter((site) => site.offline > 0 || site.alert !== null || (site.availability ?? 1) < 0.999).slice(0, 10);
  return (
    <Card title="Sites with the most trouble" flush>
      {troubled.length === 0 ? (
        <Empty>Every site was there all the time.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Site</th>
                <th class="num">Available</th>
                <th class="num">Device time lost</th>
                <th class="num">Offline now</th>
                <th>Alert</th>
              </tr>
            </thead>
            <tbody>
              {troubled.map((site) => (
                <TroubledSite key={site.site} label={data.label} site={site} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data.others && (
        <p class="muted small" style="padding: var(--space-3) var(--space-4)">
          {plural(data.others.sites, "further site")} with {plural(data.others.devices, "device")}: {shareText(data.others.availability)} available.
        </p>
      )}
    </Card>
  );
}

function TroubledSite({ label, site }: { label: string; site: SiteAvailability }) {
  const away = siteFilter(label, site.site, ' AND presence = "offline"');
  const count = `${number(site.offline)} of ${number(site.devices)}`;
  return (
    <tr>
      <td class="nowrap">
        <SiteLink label={label} site={site.site} />
      </td>
      <td class="num">{shareText(site.availability)}</td>
      <td class="num">{span(site.lost_s * 1000)}</td>
      <td class="num">{away && site.offline > 0 ? <Link href={devicesPath(away)}>{count}</Link> : count}</td>
      <td class="nowrap">
        {site.alert === null ? (
          <span class="muted">–</span>
        ) : (
          <Link href={`/alerts/${site.alert}`}>
            <Status tone="bad" text="Site dark" />
          </Link>
        )}
      </td>
    </tr>
  );
}

function Intermittent({ data }: { data: Data }) {
  const { devices, items } = data.intermittent;
  return (
    <Card title="Intermittent devices" extra={devices > items.length && <Link href={devicesPath('intermittent = "true"')}>All {number(devices)}</Link>} flush>
      {items.length === 0 ? (
        <Empty>No device went or came back four times within an hour.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Device</th>
                <th>Now</th>
                <th>Site</th>
              </tr>
            </thead>
            <tbody>
              {items.map((device) => (
                <tr key={device.id}>
                  <td>
                    <Link href={devicePath(device.id)}>{device.id}</Link>
                  </td>
                  <td>
                    <PresenceStatus presence={device.presence} />
                  </td>
                  <td>{device.site ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
