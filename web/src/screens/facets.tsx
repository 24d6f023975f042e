// The facets beside the list of devices: each a term of the filter, with how many devices it would leave.

import { useRef } from "preact/hooks";
import { useDeviceCount, useOverview } from "../api/queries";
import type { Device } from "../api/types";
import { counted, words } from "../ui/format";
import { hasTerm, withTerm } from "./filter";

const VALUES_A_FACET = 8;

interface FacetProps {
  title: string;
  field: string;
  values: string[];
  label?: (value: string) => string;
  filter: string;
  counts: boolean;
  onChange: (filter: string) => void;
}

/** Counts wait until the list itself is there (`isListed`). */
export function Facets({ filter, devices, isListed, onChange }: { filter: string; devices: Device[]; isListed: boolean; onChange: (filter: string) => void }) {
  const overview = useOverview();
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
    </aside>
  );
}

/** Values that were on any page so far, so that choosing one does not make the others vanish. */
function useEverSeen(values: string[]): string[] {
  const seen = useRef(new Set<string>());
  for (const value of values) seen.current.add(value);
  return [...seen.current].sort();
}

function Facet({ title, field, values, label = (value) => value, filter, counts, onChange }: FacetProps) {
  if (values.length === 0) return null;
  return (
    <fieldset class="facet">
      <legend>{title}</legend>
      {values.slice(0, VALUES_A_FACET).map((value) => (
        <FacetValue key={value} text={label(value)} field={field} term={`${field} = "${value}"`} filter={filter} counts={counts} onChange={onChange} />
      ))}
    </fieldset>
  );
}

interface ValueProps {
  text: string;
  field: string;
  term: string;
  filter: string;
  counts: boolean;
  onChange: (filter: string) => void;
}

function FacetValue({ text, field, term, filter, counts, onChange }: ValueProps) {
  const isOn = hasTerm(filter, term);
  const count = useDeviceCount(isOn ? filter : withTerm(filter, field, term), counts);
  return (
    <button type="button" aria-pressed={isOn} onClick={() => onChange(withTerm(filter, field, term))}>
      <span>{text}</span>
      <span class="count">{count.data === undefined ? "" : counted(count.data)}</span>
    </button>
  );
}
