// The facets beside the list of devices: each a term of the filter, with how many devices it would leave.

import { useRef } from "preact/hooks";
import { useDeviceCount, useInventory, type Device } from "../api/devices";
import { useOverview } from "../api/overview";
import { counted, words } from "../ui/format";
import { hasTerm, withTerm } from "./filter";
import { versionName } from "./inventory-facts";

const VALUES_A_FACET = 8;
const BOARD_FACETS = 5; // board, accelerators, and the versions that most devices tell
const NO_RUNTIME = ["capabilities.kernel", "capabilities.l4t"];

interface FacetProps {
  title: string;
  field: string;
  values: string[];
  known?: Map<string, number>; // of the whole fleet
  label?: (value: string) => string;
  filter: string;
  counts: boolean;
  onChange: (filter: string) => void;
}

/** Counts wait until the list itself is there (`isListed`). */
export function Facets({ filter, devices, isListed, onChange }: { filter: string; devices: Device[]; isListed: boolean; onChange: (filter: string) => void }) {
  const overview = useOverview();
  const inventory = useInventory().data?.items ?? [];
  const classes = useEverSeen(devices.map((device) => device.hardware_class));
  const sites = useEverSeen(devices.flatMap((device) => device.labels["site"] ?? []));
  const shared = { filter, counts: isListed, onChange };
  return (
    <aside class="stack" style="gap: var(--space-4)" aria-label="Facets">
      <Facet title="Presence" field="presence" values={["online", "late", "offline", "never_seen"]} label={words} {...shared} />
      <Facet title="Stability" field="intermittent" values={["true", "false"]} label={(value) => (value === "true" ? "Intermittent" : "Steady")} {...shared} />
      <Facet title="Hardware class" field="hardware_class" values={classes} {...shared} />
      {overview.data?.models?.slice(0, 3).map((model) => (
        <Facet key={model.model} title={`Serving ${model.model}`} field={`model.${model.model}`} values={model.versions.flatMap((each) => each.version ?? [])} {...shared} />
      ))}
      <Facet title="Site" field="labels.site" values={sites} {...shared} />
      {inventory
        .filter(({ field }) => !NO_RUNTIME.includes(field))
        .slice(0, BOARD_FACETS)
        .map(({ field, values }) => (
          <Facet
            key={field}
            title={titleOf(field)}
            field={field}
            values={values.map(({ value }) => value)}
            known={new Map(values.map(({ value, devices: many }) => [value, many]))}
            {...shared}
            counts={isListed && field in TITLES}
          />
        ))}
    </aside>
  );
}

// Beside a filter these alone are counted again: a question for each version would be too many.
const TITLES: Record<string, string> = { "capabilities.board": "Board", "capabilities.accelerators": "Accelerator" };
const titleOf = (field: string) => TITLES[field] ?? versionName(field.replace("capabilities.", ""));

const quoted = (value: string) => `"${value.replace(/["\\]/g, "\\$&")}"`;

/** Values that were on any page so far, so that choosing one does not make the others vanish. */
function useEverSeen(values: string[]): string[] {
  const seen = useRef(new Set<string>());
  for (const value of values) seen.current.add(value);
  return [...seen.current].sort();
}

function Facet({ title, field, values, known, label = (value) => value, filter, counts, onChange }: FacetProps) {
  if (values.length === 0) return null;
  return (
    <fieldset class="facet">
      <legend>{title}</legend>
      {values.slice(0, VALUES_A_FACET).map((value) => (
        <FacetValue key={value} text={label(value)} field={field} term={`${field} = ${quoted(value)}`} filter={filter} known={known?.get(value)} counts={counts} onChange={onChange} />
      ))}
    </fieldset>
  );
}

interface ValueProps {
  text: string;
  field: string;
  term: string;
  known?: number;
  filter: string;
  counts: boolean;
  onChange: (filter: string) => void;
}

function FacetValue({ text, field, term, known, filter, counts, onChange }: ValueProps) {
  const isOn = hasTerm(filter, term);
  const isKnown = known !== undefined && filter === "";
  const asked = useDeviceCount(isOn ? filter : withTerm(filter, field, term), counts && !isKnown);
  const count = isKnown ? known : asked.data;
  return (
    <button type="button" aria-pressed={isOn} onClick={() => onChange(withTerm(filter, field, term))}>
      <span>{text}</span>
      <span class="count">{count === undefined ? "" : counted(count)}</span>
    </button>
  );
}
