// Two histograms over the same bins: the release's reference as an outline, what the device sees now as filled bars.

import { histogramHeights } from "./histogram";

const WIDTH = 320;
const HEIGHT = 96;

export function DriftHistogram({ feature, reference, present }: { feature: string; reference: number[]; present: number[] }) {
  const { bins, a, b } = histogramHeights(reference, present);
  const step = WIDTH / Math.max(bins, 1);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width="100%" height={HEIGHT} preserveAspectRatio="none" role="img" aria-label={`${feature}: reference and present distribution`}>
      {b.map((height, index) => (
        <rect key={index} x={index * step + 1} y={HEIGHT * (1 - height)} width={Math.max(step - 2, 1)} height={HEIGHT * height} fill="var(--accent)" opacity="0.75" />
      ))}
      <path
        d={a.map((height, index) => `${index === 0 ? "M" : "L"}${index * step} ${HEIGHT * (1 - height)}h${step}`).join("")}
        fill="none"
        stroke="var(--ink-2)"
        stroke-width="1.5"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}
