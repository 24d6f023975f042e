import { describe, expect, it } from "vitest";
import { healthFacts } from "./health-facts";

const said = (sample: Record<string, number>) => healthFacts(sample).map(({ name, text, tone }) => [name, text, tone ?? ""].join("|"));

describe("what a health sample says", () => {
  it("shows nothing that the board does not tell", () => {
    expect(said({})).toEqual([]);
    expect(said({ cpu_percent: 24.4, some_day: 3 })).toEqual(["CPU|24 %|"]);
  });

  it("tells parts of a whole, and the part alone without it", () => {
    expect(said({ disk_free_mb: 9800, disk_total_mb: 16_384, gpu_memory_used_mb: 1000 })).toEqual(["GPU memory used|1.0 GB|", "Disk free|9.8 GB of 16.4 GB|"]);
  });

  it("judges the wear of flash", () => {
    expect(said({ disk_wear_percent: 10, disk_pre_eol: 1 })).toEqual(["Disk wear|0 to 10 % used|good"]);
    expect(said({ disk_wear_percent: 80, disk_pre_eol: 2 })).toEqual(["Disk wear|70 to 80 % used|warn", "Spare blocks|over 80 % used|warn"]);
    expect(said({ disk_wear_percent: 110, disk_pre_eol: 3 })).toEqual(["Disk wear|past its life|bad", "Spare blocks|nearly all used|bad"]);
  });

  it("judges supply, heat and battery", () => {
    expect(said({ under_voltage: 1, throttled: 1 })).toEqual(["Heat|slows the CPU|warn", "Supply|too weak|bad"]);
    expect(said({ under_voltage: 0, throttled: 0, power_w: 6.21 })).toEqual(["Power|6.2 W|", "Supply|strong enough|good"]);
    expect(said({ battery_percent: 81, on_battery: 1 })).toEqual(["Battery|81 %, draining|warn"]);
    expect(said({ on_battery: 0 })).toEqual(["Battery|on mains|"]);
  });

  it("calls a clock wrong only beyond what can be measured", () => {
    expect(said({ clock_offset_ms: -430, clock_synchronised: 1 })).toEqual(["Clock|correct|good"]);
    expect(said({ clock_offset_ms: 2100 })).toEqual(["Clock|2 s ahead|warn"]);
    expect(said({ clock_offset_ms: -3_600_000 })).toEqual(["Clock|1 h behind|bad"]);
    expect(said({ clock_offset_ms: 0, clock_synchronised: 0 })).toEqual(["Clock|no time source|warn"]);
  });

  it("shows accelerators, and what the owner's command reads", () => {
    expect(said({ gpu_awake_percent: 41.2, gpu_power_w: 30.5, npu_percent: 12, npu_memory_used_mb: 100 })).toEqual(["GPU awake|41 %|", "GPU power|30.5 W|", "NPU|12 %|", "NPU memory used|100.0 MB|"]);
    expect(said({ cpu_power_w: 8.25, npu_temperature_c: 51.2 })).toEqual(["CPU power|8.3 W|", "NPU temperature|51 °C|"]);
    expect(said({ "custom.pump_bar": 2.456_7, "custom.humidity": 61, readings_failed: 0 })).toEqual(["humidity|61|", "pump_bar|2.457|"]);
    expect(said({ readings_failed: 1 })).toEqual(["Readings|none|warn"]);
    expect(said({ observations_refused: 1234 })).toEqual(["Observations refused|1,234|warn"]);
  });

  it("names links and what waits", () => {
    expect(said({ network_links_up: 1, network_speed_mbps: 1000, outbox_records: 1 })).toEqual(["Network|1 link, 1,000 Mb/s|"]);
    expect(said({ network_links_up: 0, outbox_records: 40_320 })).toEqual(["Network|0 links|", "Telemetry waiting|40,320 records|"]);
  });
});
