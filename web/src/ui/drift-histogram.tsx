// Two histograms over the same bins: what it is compared with as an outline, what the device sees now as filled bars.

import type { DriftFeature } from "../api/drift";
import { plural } from "./format";
import { histogramHeights } from "./histogram";

const WIDTH = 320;
const HEIGHT = 88;

type Shown = Pick<DriftFeature, "feature" | "against" | "edges" | "reference" | "own" | "last_year" | "present">;

const BEFORE: Record<Shown["against"], string> = { training: "in training", own: "in its first days", last_year: "in these weeks last year" };

/** What it is compared with; empty: nothing. */
export function comparedWith(shown: Pick<Shown, "against" | "reference" | "own" | "last_year">): number[] {
  return { training: shown.reference, own: shown.own, last_year: shown.last_year }[shown.against];
}

export function DriftHistogram({ feature: shown }: { feature: Shown }) {
  const { feature, edges, present } = shown;
  const before = BEFORE[shown.against];
  const compared = comparedWith(shown);
  const reference = compared.length > 0 ? compared : present.map(() => 0);
  // Bins: under the first edge, between, over the last, and then what was no number at all.
  const numbers = edges.length + 1;
  const { bins, a, b } = histogramHeights(reference.slice(0, numbers), present.slice(0, numbers));
  const strange = present[numbers] ?? 0;
  const step = WIDTH / Math.max(bins, 1);
  const top = (height: number) => 2 + (HEIGHT - 2) * (1 - height);
  return (
    <div>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width="100%" height={HEIGHT} preserveAspectRatio="none" role="img" aria-label={`${feature}: how often each value is seen now, and was ${before}`} style="display: block; border-bottom: 1px solid var(--line-strong)">
        {b.map((height, index) => (
          <rect key={index} x={index * step + 1} y={top(height)} width={Math.max(step - 2, 1)} height={HEIGHT - top(height)} fill="var(--series-2)" />
        ))}
        <path d={`M0 ${HEIGHT}${a.map((height, index) => `L${index * step} ${top(height)}h${step}`).join("")}V${HEIGHT}`} fill="none" stroke="var(--ink-2)" stroke-width="1.5" vector-effect="non-scaling-stroke" />
      </svg>
      <div class="row between small muted">
        <span>{edges[0] === undefined ? "" : `under ${edges[0]}`}</span>
        <ul class="legend">
          <li>
            <i style="background: var(--series-2)" aria-hidden="true" /> now
          </li>
          <li>
            <i style="border: 1.5px solid var(--ink-2); border-radius: 0" aria-hidden="true" /> {before}
          </li>
        </ul>
        <span>{edges.length === 0 ? "" : `over ${edges.at(-1)}`}</span>
      </div>
      {strange > 0 && <p class="small tone-text-warn">{plural(strange, "value is not a number", "values are not numbers")}.</p>}
    </div>
  );
}
