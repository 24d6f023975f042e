// What a guard's verdict looks like: figures in the words of its metric, and where its interval lies between the margins.
// Pure.
import type { Guard, ShadowCounts } from "../api/rollouts";
import { number, plural } from "../ui/format";

const NAMES: Record<string, string> = {
  latency_p50: "Latency, median",
  latency_p95: "Latency, p95",
  latency_p99: "Latency, p99",
  error_rate: "Error rate",
  accuracy: "Accuracy",
  silence: "Silent devices",
  throughput: "Throughput",
  energy_per_inference: "Energy an inference",
  power: "Power",
  memory_used: "Memory used",
  cpu_temperature: "CPU temperature",
  confidence: "Confidence",
  drift: "Drift",
  input_contract: "Input contract",
  shadow_accuracy: "Accuracy, shadow run",
  shadow_disagreement: "Disagreement, shadow run",
};

/** What a program reports under a name of its own: a plain number. */
const CUSTOM = "custom:";
const isCustom = (guard: Pick<Guard, "metric">) => guard.metric.startsWith(CUSTOM);

const UNITS: Record<string, string> = { latency_p50: " ms", latency_p95: " ms", latency_p99: " ms", throughput: " /s", energy_per_inference: " J", power: " W", memory_used: " MB", cpu_temperature: " °C", drift: " PSI" };

/** Both versions on the same inputs of one device: nobody waits for it. */
export function isPaired(metric: string): boolean {
  return metric.startsWith("shadow_");
}

export function guardName(metric: string): string {
  if (metric.startsWith(CUSTOM)) return metric.slice(CUSTOM.length);
  return NAMES[metric] ?? metric.replaceAll("_", " ");
}

/** Four digits that count, whatever the size. */
export function plainNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** A change (+ is harm, logarithms of ratios) as people read it: "× 1.12", "−0.50 points". */
export function changeText(guard: Pick<Guard, "metric" | "scale" | "worse">, harm: number): string {
  const change = guard.worse === "lower" ? -harm : harm;
  if (guard.scale === "ratio") return `× ${number(Math.exp(change), 2)}`;
  if (isCustom(guard)) return `${change > 0 ? "+" : change < 0 ? "−" : ""}${plainNumber(Math.abs(change))}`;
  const unit = UNITS[guard.metric];
  const size = number(Math.abs(change) * (unit ? 1 : 100), 2);
  if (Number(size) === 0) return unit ? `0${unit}` : "0.00 points";
  return `${change > 0 ? "+" : "−"}${size}${unit ?? " points"}`;
}

/** A figure of the metric itself: "14.2 ms", "93.10 %". */
export function figureText(guard: Guard, value: number | null): string {
  if (value === null) return "–";
  if (isCustom(guard)) return plainNumber(value);
  const unit = UNITS[guard.metric];
  return unit ? `${number(value, value < 10 ? 2 : 1)}${unit}` : `${number(value * 100, 2)} %`;
}

/** What a device's shadow run counted: "shadow run: 300 inputs, 270 answered alike; of 120 labelled, 118 right before and 119 now". */
export function shadowText(shadow: ShadowCounts | null): string {
  if (!shadow) return "";
  const labels = shadow.labelled > 0 ? `; of ${number(shadow.labelled)} labelled, ${number(shadow.old_right)} right before and ${number(shadow.new_right)} now` : "";
  return `shadow run: ${plural(shadow.samples, "input")}, ${number(shadow.agreed)} answered alike${labels}`;
}

export interface IntervalPlaces {
  lower: number;
  upper: number;
  estimate: number;
  rollback: number;
  promotion: number;
}

/** Places from 0 to 1 on an axis that holds no change, both margins and the interval; null before there is an estimate. */
export function intervalPlaces(guard: Guard): IntervalPlaces | null {
  if (guard.estimate === null) return null;
  const reach = 1.5 * Math.max(guard.promotion_margin, 1e-6);
  const low = Math.min(-reach, guard.lower ?? -Infinity, guard.estimate);
  const high = Math.max(reach, guard.upper ?? -Infinity, guard.estimate);
  const from = Number.isFinite(low) ? low : Math.min(-reach, guard.estimate);
  const place = (value: number) => Math.min(1, Math.max(0, (value - from) / (high - from)));
  return {
    lower: guard.lower === null ? 0 : place(guard.lower),
    upper: guard.upper === null ? 1 : place(guard.upper),
    estimate: place(guard.estimate),
    rollback: place(guard.rollback_margin),
    promotion: place(guard.promotion_margin),
  };
}

export const VERDICTS: Record<Guard["verdict"], { text: string; tone: "good" | "bad" | "warn" | "quiet" }> = {
  pass: { text: "No worse", tone: "good" },
  fail: { text: "Worse", tone: "bad" },
  waiting: { text: "Waiting", tone: "quiet" },
  unknown: { text: "Cannot be measured", tone: "warn" },
  skipped: { text: "Left out", tone: "quiet" },
};
