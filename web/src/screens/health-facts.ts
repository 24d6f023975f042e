// What the newest health sample says, for people: only what the board tells, in the order in which one asks. Pure.

import { bytes, number, plural, span } from "../ui/format";
import { plainNumber } from "./guards";

export type Sample = Record<string, number>;

export interface HealthFact {
  name: string;
  text: string;
  tone?: "good" | "warn" | "bad"; // where it is a verdict; then in few words, as it is shown in one line
}

const READING = "custom."; // before the names that the owner's command gives its numbers
const WORN_PERCENT = 80;
const CLOCK_OFF_MS = 5000;
const CLOCK_NOISE_MS = 1000; // the server's answers name whole seconds

const megabytes = (value: number) => bytes(value * 1_000_000);
const watts = (value: number) => `${value.toFixed(1)} W`;
const degrees = (value: number) => `${value.toFixed(0)} °C`;

/** "70 to 80 % used" of its rated life: flash tells its wear in bands of ten. */
function wear(value: number): HealthFact {
  const text = value > 100 ? "past its life" : `${number(Math.max(0, value - 10))} to ${number(value)} % used`;
  return { name: "Disk wear", text, tone: value > 100 ? "bad" : value >= WORN_PERCENT ? "warn" : "good" };
}

function reserve(level: number): HealthFact | null {
  if (level < 2) return null;
  return { name: "Spare blocks", text: level === 2 ? "over 80 % used" : "nearly all used", tone: level === 2 ? "warn" : "bad" };
}

function supply(sample: Sample): HealthFact | null {
  if (sample["under_voltage"] === undefined) return null;
  return sample["under_voltage"] > 0 ? { name: "Supply", text: "too weak", tone: "bad" } : { name: "Supply", text: "strong enough", tone: "good" };
}

function battery(sample: Sample): HealthFact | null {
  const left = sample["battery_percent"];
  const runsDown = sample["on_battery"];
  if (left === undefined && runsDown === undefined) return null;
  const parts = [left === undefined ? "" : `${number(left)} %`, runsDown === undefined ? "" : runsDown > 0 ? "draining" : "on mains"];
  const text = parts.filter((part) => part !== "").join(", ");
  return runsDown !== undefined && runsDown > 0 ? { name: "Battery", text, tone: "warn" } : { name: "Battery", text };
}

function timekeeping(sample: Sample): HealthFact | null {
  const offset = sample["clock_offset_ms"];
  const synchronised = sample["clock_synchronised"];
  if (offset !== undefined && Math.abs(offset) >= CLOCK_NOISE_MS)
    return { name: "Clock", text: `${span(Math.abs(offset))} ${offset > 0 ? "ahead" : "behind"}`, tone: Math.abs(offset) > CLOCK_OFF_MS ? "bad" : "warn" };
  if (synchronised === 0) return { name: "Clock", text: "no time source", tone: "warn" };
  if (offset === undefined && synchronised === undefined) return null;
  return { name: "Clock", text: "correct", tone: "good" };
}

function links(sample: Sample): HealthFact | null {
  const up = sample["network_links_up"];
  if (up === undefined) return null;
  const speed = sample["network_speed_mbps"];
  return { name: "Network", text: plural(up, "link") + (speed === undefined ? "" : `, ${number(speed)} Mb/s`) };
}

export function healthFacts(sample: Sample): HealthFact[] {
  const plain = (name: string, key: string, format: (value: number) => string): HealthFact | null =>
    sample[key] === undefined ? null : { name, text: format(sample[key]!) };
  const part = (name: string, key: string, whole: string): HealthFact | null =>
    plain(name, key, (value) => megabytes(value) + (sample[whole] === undefined ? "" : ` of ${megabytes(sample[whole]!)}`));
  const facts = [
    plain("CPU", "cpu_percent", (value) => `${value.toFixed(0)} %`),
    plain("CPU temperature", "cpu_temperature_c", degrees),
    plain("CPU power", "cpu_power_w", watts),
    sample["throttled"] !== undefined && sample["throttled"] > 0 ? ({ name: "Heat", text: "slows the CPU", tone: "warn" } as const) : null,
    part("Memory used", "memory_used_mb", "memory_total_mb"),
    plain("GPU", "gpu_percent", (value) => `${value.toFixed(0)} %`),
    plain("GPU awake", "gpu_awake_percent", (value) => `${value.toFixed(0)} %`),
    plain("GPU temperature", "gpu_temperature_c", degrees),
    part("GPU memory used", "gpu_memory_used_mb", "gpu_memory_total_mb"),
    plain("GPU power", "gpu_power_w", watts),
    plain("NPU", "npu_percent", (value) => `${value.toFixed(0)} %`),
    plain("NPU memory used", "npu_memory_used_mb", megabytes),
    plain("NPU temperature", "npu_temperature_c", degrees),
    part("Disk free", "disk_free_mb", "disk_total_mb"),
    sample["disk_wear_percent"] === undefined ? null : wear(sample["disk_wear_percent"]),
    sample["disk_pre_eol"] === undefined ? null : reserve(sample["disk_pre_eol"]),
    plain("Disk temperature", "disk_temperature_c", degrees),
    plain("Power", "power_w", watts),
    supply(sample),
    battery(sample),
    timekeeping(sample),
    links(sample),
    plain("Up for", "uptime_s", (value) => span(value * 1000)),
    plain("Agent's memory", "agent_rss_mb", megabytes),
    sample["outbox_records"] !== undefined && sample["outbox_records"] > 1 ? { name: "Telemetry waiting", text: plural(sample["outbox_records"], "record") } : null,
    sample["records_refused"] ? { name: "Telemetry refused", text: plural(sample["records_refused"], "record") } : null,
    sample["observations_refused"] ? ({ name: "Observations refused", text: number(sample["observations_refused"]), tone: "warn" } as const) : null,
    sample["readings_failed"] ? ({ name: "Readings", text: "none", tone: "warn" } as const) : null,
    ...Object.keys(sample)
      .filter((key) => key.startsWith(READING))
      .sort()
      .map((key) => plain(key.slice(READING.length), key, plainNumber)),
  ];
  return facts.filter((fact): fact is HealthFact => fact !== null);
}
