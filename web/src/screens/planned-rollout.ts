// The rollout that the planning form asks for, and what it should know of earlier ones. Pure.

import type { Rollout } from "../api/rollouts";
import { plural, words } from "../ui/format";

/** Earlier rollouts of this release, newest first, that were stopped or that devices refused. The draft's own screen says more. */
export function earlierTroubles(rollouts: Rollout[], model: string, version: string): string[] {
  return rollouts
    .filter((each) => each.model === model && each.version === version)
    .map((each) => [each, each.counts.validate_rejected ?? 0] as const)
    .filter(([each, refused]) => ["halted", "rolling_back", "rolled_back"].includes(each.state) || refused > 0)
    .map(([each, refused]) => {
      const devices = refused > 0 ? `; ${plural(refused, "device")} refused it` : "";
      return `Rollout ${each.id}, “${each.name}”, of this release: ${words(each.state).toLowerCase()}${devices}.`;
    });
}

function plannedWaves(canary: number, isCount: boolean): ({ share: number } | { devices: number })[] {
  if (isCount) return [{ devices: Math.round(canary) }, { share: 1 }];
  return canary >= 100 ? [{ share: 1 }] : [{ share: canary / 100 }, { share: 1 }];
}

/**
 * `form` has version, name, canary (percent or a count of the devices, as `unit` says), bake (minutes), manual, pace (devices told a minute, empty: no limit), approval, standing,
 * and start (local time, empty: when somebody presses Start).
 */
export function plannedRollout(form: FormData, model: string, filter: string) {
  const version = String(form.get("version"));
  const start = String(form.get("start") ?? "");
  const pace = Number(form.get("pace") ?? 0);
  return {
    name: String(form.get("name")) || `${model} ${version}`,
    model,
    version,
    filter,
    policy: {
      waves: plannedWaves(Number(form.get("canary")), form.get("unit") === "devices"),
      gate: { bake_s: Math.round(Number(form.get("bake")) * 60), manual: form.get("manual") !== null },
      ...(pace > 0 && { pace: { per_minute: pace } }),
      ...(form.get("approval") !== null && { approval: { required: true } }),
    },
    ...(form.get("standing") !== null && { standing: true }),
    ...(start !== "" && { start_at: new Date(start).toISOString() }),
  };
}
