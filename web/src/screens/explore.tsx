// Questions to what devices measured: which devices, which metric, how grouped, how far back. All of it is the address.

import { useMemo } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { useModels } from "../api/models";
import { useFacets, useGroupedSeries, useWorst, type FacetCounts, type GroupedSeries, type WorstDevices } from "../api/telemetry";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Chart } from "../ui/chart";
import { newest } from "../ui/chart-scale";
import { Copy } from "../ui/copy";
import { number, plural, words } from "../ui/format";
import { Segments } from "../ui/segments";
import { ExploreExport } from "./explore-export";
import { labelsText } from "./field-accuracy";
import { type Chosen, HEALTH_METRICS, METRICS, NUMBERS, RANGES, chosenIn, commandOf, drawn, formatOf, isHealth, nameOf, seriesQuestion, worstQuestion } from "./explore-question";
import { hasTerm, withTerm } from "./filter";
import { FilterBox } from "./filter-box";
import { devicePath, withSearch } from "./paths";

export default function Explore() {
  const chosen = chosenIn(useSearch());
  const [, navigate] = useLocation();
  // Two choices may come before the screen is drawn again: each adds to what the address says by then.
  const choose = (change: Partial<Chosen>) => navigate(withSearch("/explore", { ...chosenIn(location.search), ...change }), { replace: true });
  const series = useGroupedSeries(seriesQuestion(chosen), Number(chosen.range));
  const facets = useFacets(chosen.filter);
  const setFilter = (filter: string) => choose({ filter });
  return (
    <>
      <div class="row">
        <h1>Explore</h1>
        <span class="muted">{facets.data && plural(facets.data.devices, "device")}</span>
      </div>
      <FilterBox filter={chosen.filter} error={facets.error} onChange={setFilter} />
      <div class="beside">
        <FacetList facets={facets.data} filter={chosen.filter} onChange={setFilter} />
        <div class="stack" style="gap: var(--space-5); min-width: 0">
          <Card title="Over time" extra={<Segments label="Range" choices={RANGES} chosen={chosen.range} onChoose={(range) => choose({ range })} />}>
            <div class="stack" style="gap: var(--space-4)">
              <Choices chosen={chosen} facets={facets.data} onChoose={choose} />
              {series.data ? <Lines series={series.data} /> : series.error ? <Failure error={series.error} retry={() => void series.refetch()} /> : <Skeleton lines={8} />}
              {series.data && series.error && <Failure error={series.error} />}
            </div>
          </Card>
          <Worst chosen={chosen} />
          <Card title="Take it along">
            <div class="stack">
              <ExploreExport chosen={chosen} />
              <p class="muted small">The same on the command line:</p>
              <Copy text={commandOf(chosen)} />
            </div>
          </Card>
        </div>
      </div>
    </>
  );
}

function Choices({ chosen, facets, onChoose }: { chosen: Chosen; facets?: FacetCounts; onChoose: (change: Partial<Chosen>) => void }) {
  const models = useModels();
  const isNumber = chosen.metric.startsWith(NUMBERS);
  const isKnown = isNumber || [...METRICS, ...HEALTH_METRICS].some(([value]) => value === chosen.metric);
  const labels = (facets?.facets ?? []).map(({ field }) => field).filter((field) => field.startsWith("labels."));
  const groupings: [string, string][] = [
    ["", "Nothing: all together"],
    ...(isHealth(chosen.metric) ? [] : [["version", "Version"] as [string, string]]),
    ["hardware_class", "Hardware class"],
    ...labels.map((field): [string, string] => [field, `Label ${field.slice("labels.".length)}`]),
    ["device", "Device"],
  ];
  return (
    <div class="row" style="align-items: end">
      <label class="field">
        <span>Metric</span>
        <select class="input" value={isNumber ? NUMBERS : chosen.metric} onChange={(event) => onChoose(metricChosen(event.currentTarget.value, chosen))}>
          <Options of={METRICS} />
          <option value={NUMBERS}>A program's own number</option>
          {!isKnown && <option value={chosen.metric}>{chosen.metric}</option>}
          <optgroup label="Health">
            <Options of={HEALTH_METRICS} />
          </optgroup>
        </select>
      </label>
      {isNumber && (
        <label class="field">
          <span>Name of the number</span>
          <input class="input mono" value={chosen.metric.slice(NUMBERS.length)} maxLength={40} spellcheck={false} placeholder="queue_depth" onChange={(event) => onChoose({ metric: NUMBERS + event.currentTarget.value.trim() })} />
        </label>
      )}
      {!isHealth(chosen.metric) && (
        <label class="field">
          <span>Model</span>
          <select class="input" value={chosen.model} onChange={(event) => onChoose({ model: event.currentTarget.value })}>
            <Options of={withChosen([["", "Any"], ...(models.data?.items ?? []).map(({ name }): [string, string] => [name, name])], chosen.model)} />
          </select>
        </label>
      )}
      <label class="field">
        <span>Grouped by</span>
        <select class="input" value={chosen.by} onChange={(event) => onChoose({ by: event.currentTarget.value })}>
          <Options of={withChosen(groupings, chosen.by)} />
        </select>
      </label>
    </div>
  );
}

/** Health is not of a version: a grouping that would be refused goes with it. */
function metricChosen(metric: string, chosen: Chosen): Partial<Chosen> {
  return { metric, by: isHealth(metric) && chosen.by === "version" ? "" : chosen.by };
}

/** What the address names is among the choices, known or not. */
const withChosen = (choices: [string, string][], chosen: string): [string, string][] => (choices.some(([value]) => value === chosen) ? choices : [...choices, [chosen, chosen]]);

function Options({ of }: { of: [string, string][] }) {
  return (
    <>
      {of.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </>
  );
}

function Lines({ series }: { series: GroupedSeries }) {
  const { lines, band, all } = useMemo(() => drawn(series), [series]);
  if (all.every(({ n }) => n === 0)) return <p class="muted">Nothing was measured in this time.</p>;
  const format = formatOf(series.unit);
  const title = titleOf(series.metric);
  const range: [number, number] = [series.t[0]!, series.t.at(-1)! + series.step_s];
  return (
    <>
      <Chart title={title} t={series.t} lines={lines} band={band} format={format} from={series.unit === "share" ? "data" : "zero"} range={range} />
      <p class="muted small">{band ? "The band is from the least to the most that any device has in a step." : "Groups by most observations."}</p>
      <div class="table-wrap">
        <table>
          <thead>
            <tr>
              <th>Group</th>
              <th class="num">Devices</th>
              <th class="num">Samples</th>
              <th class="num">Newest</th>
              <th class="num">Lowest device</th>
              <th class="num">Highest device</th>
            </tr>
          </thead>
          <tbody>
            {all.map((line) => (
              <tr key={line.group}>
                <td>{nameOf(line, series.by)}</td>
                <td class="num">{number(line.devices)}</td>
                <td class="num">{number(line.n)}</td>
                {[line.value, line.min, line.max].map((column, place) => (
                  <td key={place} class="num">
                    <Figure value={newest(column)} format={format} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function titleOf(metric: string): string {
  return [...METRICS, ...HEALTH_METRICS].find(([value]) => value === metric)?.[1] ?? metric;
}

function Figure({ value, format }: { value: number | null; format: (value: number) => string }) {
  return <>{value === null ? "–" : format(value)}</>;
}

function Worst({ chosen }: { chosen: Chosen }) {
  const worst = useWorst(worstQuestion(chosen), Number(chosen.range));
  return (
    <Card title="The worst devices" extra={worst.data && <span class="muted small">{countedOf(worst.data)}</span>} flush>
      {worst.data ? <WorstTable worst={worst.data} /> : worst.error ? <Failure error={worst.error} retry={() => void worst.refetch()} /> : <Skeleton lines={5} />}
    </Card>
  );
}

function countedOf({ measured, devices, with_too_few, least_samples }: WorstDevices): string {
  const told = `${number(measured)} of ${plural(devices, "device")} measured it`;
  return with_too_few === 0 ? told : `${told}; ${number(with_too_few)} with fewer than ${number(least_samples)} samples do not count`;
}

function WorstTable({ worst }: { worst: WorstDevices }) {
  if (worst.items.length === 0) return <Empty>No device measured enough of it.</Empty>;
  const format = formatOf(worst.unit);
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>Device</th>
            <th class="num">{titleOf(worst.metric)}</th>
            <th class="num">Samples</th>
          </tr>
        </thead>
        <tbody>
          {worst.items.map(({ device_id, value, n, lower, upper, later, delay_s }) => (
            <tr key={device_id}>
              <td>
                <Link href={devicePath(device_id)}>{device_id}</Link>
              </td>
              <td class="num">
                {format(value)} {lower !== undefined && upper !== undefined && <span class="muted small">({format(lower)} to {format(upper)})</span>}
              </td>
              <td class="num">{later === undefined ? number(n) : labelsText(n, later, delay_s ?? null)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const FIRST_FACETS = ["presence", "hardware_class"];
const FACET_TITLES: Record<string, string> = { presence: "Presence", hardware_class: "Hardware class" };

function facetTitle(field: string): string {
  if (field.startsWith("model.")) return `Serving ${field.slice("model.".length)}`;
  return FACET_TITLES[field] ?? words(field.slice("labels.".length));
}

/** What the devices are, counted; each value a term of the filter. */
function FacetList({ facets, filter, onChange }: { facets?: FacetCounts; filter: string; onChange: (filter: string) => void }) {
  const place = (field: string) => (FIRST_FACETS.indexOf(field) + FIRST_FACETS.length + 1) % (FIRST_FACETS.length + 1);
  const ordered = [...(facets?.facets ?? [])].sort((one, other) => place(one.field) - place(other.field) || one.field.localeCompare(other.field));
  return (
    <aside class="stack" style="gap: var(--space-4)" aria-label="Facets">
      {ordered.map(({ field, values, more }) => (
        <fieldset key={field} class="facet">
          <legend>{facetTitle(field)}</legend>
          {values.map(({ value, devices }) => {
            const term = `${field} = ${JSON.stringify(value)}`;
            return (
              <button key={value} type="button" aria-pressed={hasTerm(filter, term)} onClick={() => onChange(withTerm(filter, field, term))}>
                <span>{field === "presence" ? words(value) : value}</span>
                <span class="count">{number(devices)}</span>
              </button>
            );
          })}
          {more > 0 && <p class="muted small">{number(more)} more, by the filter</p>}
        </fieldset>
      ))}
    </aside>
  );
}
