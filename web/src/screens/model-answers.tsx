// How sure the model was in the time that the charts show, and of what kind its inferences were.

import type { Series } from "../api/telemetry";
import { PartsBar } from "../ui/bar";
import { plural } from "../ui/format";
import { barsOfConfidence, piecesOf } from "./model-answers-text";

export function ModelAnswers({ series }: { series: Series }) {
  const tags = Object.entries(series.tags);
  if (series.confidence_bins === null && tags.length === 0) return null;
  return (
    <div class="grid-2">
      {series.confidence_bins && <ConfidenceHistogram bins={series.confidence_bins} />}
      {tags.length > 0 && (
        <div class="stack">
          {tags.map(([key, counts]) => (
            <div key={key} class="stack" style="gap: 6px">
              <strong>{key}</strong>
              <PartsBar pieces={piecesOf(counts)} what={`Inferences by ${key}`} />
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

function ConfidenceHistogram({ bins }: { bins: number[] }) {
  const { bars, label } = barsOfConfidence(bins);
  const width = `${100 / bins.length}%`;
  return (
    <div class="stack" style="gap: 6px">
      <strong>How sure it was</strong>
      <div class="validation-bars" role="img" aria-label={label}>
        {bars.map((bar) => (
          <span
            key={bar.from}
            class="validation-bar"
            style={{ left: `${bar.from}%`, width, height: `${bar.height * 100}%` }}
            title={`${bar.from} to ${bar.to} % sure: ${plural(bar.count, "inference")}`}
          />
        ))}
      </div>
      <p class="row between small muted">
        <span>0 %</span>
        <span>{label}</span>
        <span>100 %</span>
      </p>
    </div>
  );
}
