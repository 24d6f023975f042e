// What a rollout's first canary can find out, told before the start: which guards can stop the release, and what they see.
import type { GuardReach, Reach } from "../api/rollouts";
import { plural } from "../ui/format";
import { Status } from "../ui/status";
import { changeText, guardName } from "./guards";

/** Whether it can come to a verdict, and what it lacks otherwise. */
export function reachStatus(guard: GuardReach): { tone: "good" | "warn" | "quiet"; text: string } {
  const tone = guard.mode === "advisory" ? "quiet" : "warn";
  if (!guard.measurable) return { tone, text: "Not measurable" };
  if (guard.can_fail && guard.can_pass) return { tone: "good", text: "In reach" };
  return { tone, text: guard.can_fail ? "Can never pass" : "Can never roll back" };
}

export function ReachTable({ reach }: { reach: Reach }) {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>Guard</th>
            <th>Verdict</th>
            <th class="num">Devices needed</th>
            <th class="num">Sees in a day</th>
            <th>In words</th>
          </tr>
        </thead>
        <tbody>
          {reach.guards.map((guard) => {
            const status = reachStatus(guard);
            return (
              <tr key={guard.metric}>
                <td class="nowrap">
                  <strong>{guardName(guard.metric)}</strong>
                  {guard.mode !== "automatic" && <div class="muted small">{guard.mode}</div>}
                </td>
                <td>
                  <Status tone={status.tone} text={status.text} />
                </td>
                <td class="num">{guard.needed ?? "–"}</td>
                <td class="num nowrap">{guard.visible === null ? "–" : changeText(guard, guard.visible)}</td>
                <td class="small wide-text">{guard.message}.</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The same where there is no room for a table. */
export function ReachList({ reach }: { reach: Reach }) {
  return (
    <ul class="plain">
      {reach.guards.map((guard) => {
        const status = reachStatus(guard);
        return (
          <li key={guard.metric}>
            <strong>{guardName(guard.metric)}</strong> <Status tone={status.tone} text={status.text} />
            <div class="muted">{guard.message}.</div>
          </li>
        );
      })}
    </ul>
  );
}

/** "3 canaries (2 fp32, 1 int8) beside 9 devices that wait; the policy asked for 1." */
export function canaryText(reach: Reach): string {
  const classes = reach.classes.filter((each) => each.canaries > 0).map((each) => `${each.canaries} ${each.class}`);
  const widened = reach.widened_from === null ? "" : `; the policy asked for ${reach.widened_from}`;
  return `${plural(reach.canaries, "canary", "canaries")} (${classes.join(", ")}) beside ${plural(reach.controls, "device")} that ${reach.controls === 1 ? "waits" : "wait"}${widened}.`;
}
