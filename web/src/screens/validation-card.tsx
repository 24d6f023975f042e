// What devices measured of the release before it served there: a histogram with the threshold drawn.

import { useValidationNumbers } from "../api/rollouts";
import { Card } from "../ui/card";
import { number, plural } from "../ui/format";
import { barsOf } from "./validation-bars";

export function ValidationCard({ id }: { id: string }) {
  const numbers = useValidationNumbers(id).data;
  const shown = numbers && barsOf(numbers);
  if (!numbers || !shown) return null;
  const percentOf = (place: number) => `${(place * 100).toFixed(1)}%`;
  const threshold = numbers.threshold === null ? "" : `; ${numbers.higher_is_better ? "at least" : "at most"} ${number(numbers.threshold, 4)} is asked for, which ${plural(numbers.missed, "device misses", "devices miss")}`;
  const label = `${numbers.metric ?? "The metric"} of ${plural(numbers.measured, "device")}, from ${number(numbers.smallest, 4)} to ${number(numbers.largest, 4)}, ${number(numbers.median, 4)} in the middle${threshold}.`;
  return (
    <Card title="Validation on the devices">
      <div class="validation-bars" role="img" aria-label={label}>
        {shown.bars.map((bar) => (
          <span
            key={bar.from}
            class={bar.misses ? "validation-bar misses" : "validation-bar"}
            style={{ left: percentOf(bar.left), width: percentOf(bar.width), height: percentOf(bar.height) }}
            title={`${number(bar.from, 4)} to ${number(bar.to, 4)}: ${plural(bar.devices, "device")}`}
          />
        ))}
        {shown.threshold !== null && <span class="validation-threshold" style={{ left: percentOf(shown.threshold) }} title={`threshold ${number(numbers.threshold, 4)}`} />}
      </div>
      <p class="small muted">{label}</p>
    </Card>
  );
}
