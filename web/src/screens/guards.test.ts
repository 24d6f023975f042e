import { describe, expect, it } from "vitest";
import type { Guard } from "../api/rollouts";
import { changeText, figureText, guardName, intervalPlaces, isPaired, shadowText } from "./guards";

const guard: Guard = {
  metric: "latency_p95",
  mode: "automatic",
  scale: "ratio",
  worse: "higher",
  verdict: "waiting",
  estimate: Math.log(1.2),
  lower: Math.log(1.1),
  upper: Math.log(1.3),
  rollback_margin: Math.log(1.05),
  promotion_margin: Math.log(1.1),
  canaries: 10,
  controls: 30,
  unmeasured: 0,
  first_installs: 0,
  canary: 12,
  control: 10,
  before: 10,
  look: 1,
  wave: 0,
  at: "2026-01-01T00:00:00Z",
  final: false,
  by_permutation: false,
  driven_by: null,
  missing_canaries: null,
  message: "",
};

describe("guards", () => {
  it("tell a ratio as a factor and a difference in points, with the sign of the metric", () => {
    expect(changeText(guard, Math.log(1.2))).toBe("× 1.20");
    expect(changeText({ ...guard, metric: "throughput", worse: "lower" }, Math.log(1.25))).toBe("× 0.80");
    const accuracy: Guard = { ...guard, metric: "accuracy", scale: "difference", worse: "lower" };
    expect(changeText(accuracy, 0.005)).toBe("−0.50 points");
    expect(changeText({ ...accuracy, metric: "error_rate", worse: "higher" }, 0.005)).toBe("+0.50 points");
    expect(changeText({ ...accuracy, metric: "cpu_temperature", worse: "higher" }, 3)).toBe("+3.00 °C");
    expect(changeText(accuracy, 0)).toBe("0.00 points");
  });

  it("of shadow runs compare a device with itself", () => {
    expect(isPaired("shadow_accuracy")).toBe(true);
    expect(isPaired("accuracy")).toBe(false);
    expect(changeText({ ...guard, metric: "shadow_accuracy", worse: "lower", scale: "difference" }, 0.02)).toBe("−2.00 points");
    expect(changeText({ ...guard, metric: "shadow_disagreement", scale: "difference" }, 0.02)).toBe("+2.00 points");
  });

  it("tell what a shadow run counted", () => {
    expect(shadowText(null)).toBe("");
    const counts = { samples: 300, unanswered: 0, agreed: 270, labelled: 0, old_right: 0, new_right: 0, both_right: 0 };
    expect(shadowText(counts)).toBe("shadow run: 300 inputs, 270 answered alike");
    expect(shadowText({ ...counts, labelled: 120, old_right: 118, new_right: 119, both_right: 117 })).toBe(
      "shadow run: 300 inputs, 270 answered alike; of 120 labelled, 118 right before and 119 now",
    );
  });

  it("tell figures in the metric's unit", () => {
    expect(figureText(guard, 14.25)).toBe("14.3 ms");
    expect(figureText({ ...guard, metric: "accuracy" }, 0.931)).toBe("93.10 %");
    expect(figureText(guard, null)).toBe("–");
  });

  it("tell a program's own number plainly, in its own direction", () => {
    const queue: Guard = { ...guard, metric: "custom:queue_depth", scale: "difference", worse: "higher" };
    expect(guardName(queue.metric)).toBe("queue_depth");
    expect(changeText(queue, 3)).toBe("+3");
    expect(changeText({ ...queue, worse: "lower" }, 0.012345)).toBe("−0.01235");
    expect(changeText({ ...queue, scale: "ratio", worse: "lower" }, Math.log(1.25))).toBe("× 0.80");
    expect(changeText(queue, 0)).toBe("0");
    expect(figureText(queue, 1234567)).toBe("1235000");
    expect(figureText(queue, -0.5)).toBe("-0.5");
  });

  it("place the interval and the margins on one axis", () => {
    const places = intervalPlaces(guard)!;
    expect(places.lower).toBeGreaterThan(places.rollback);
    expect(places.estimate).toBeGreaterThan(places.lower);
    expect(places.upper).toBe(1);
    expect(intervalPlaces({ ...guard, lower: null, upper: null })).toMatchObject({ lower: 0, upper: 1 });
    expect(intervalPlaces({ ...guard, estimate: null })).toBeNull();
  });

  it("name metrics that they do not know as they are called", () => {
    expect(guardName("latency_p95")).toBe("Latency, p95");
    expect(guardName("joules_spent")).toBe("joules spent");
  });
});
