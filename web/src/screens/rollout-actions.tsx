// The buttons that change the course of a rollout. Those that may not be pressed say why, below.

import { ApiError, call } from "../api/client";
import { queryClient } from "../api/queries";
import { useRefusal } from "../api/permissions";
import type { Rollout, RolloutAction } from "../api/types";
import { Confirm } from "../ui/confirm";

interface ActionText {
  action: RolloutAction;
  label: string;
  tone: "primary" | "danger" | "";
  does: string;
}

const ACTIONS: ActionText[] = [
  { action: "start", label: "Start", tone: "primary", does: "The devices of the first wave are told to update. The others wait for the gate." },
  { action: "pause", label: "Pause", tone: "", does: "No other device is told to update. Devices that are at work go on. Resume continues the rollout." },
  { action: "resume", label: "Resume", tone: "primary", does: "The rollout goes on where it was paused." },
  { action: "promote", label: "Promote", tone: "", does: "The next wave opens now, without waiting for the gate of this one." },
  { action: "retry", label: "Retry failed", tone: "", does: "The devices that failed are told to try again." },
  { action: "halt", label: "Halt", tone: "danger", does: "The rollout ends here. No other device gets the release; devices that have it keep it. This cannot be taken back." },
  { action: "rollback", label: "Roll back", tone: "danger", does: "The rollout ends, and every device that has the release goes back to what it had before. This cannot be taken back." },
];

/** What is worth a button now: all that may be pressed, and what usually comes next but may not. */
const SHOWN_REFUSED: Record<Rollout["state"], RolloutAction[]> = {
  draft: ["start", "promote", "rollback"],
  running: ["promote", "retry", "resume"],
  paused: ["promote", "retry", "pause"],
  completed: ["retry", "halt", "promote"],
  halted: ["resume", "rollback", "retry"],
  rolling_back: ["halt", "rollback"],
  rolled_back: ["start", "rollback"],
};

async function act(rollout: Rollout, action: RolloutAction) {
  const key = ["rollout", String(rollout.id)];
  try {
    const changed = await call<Rollout>(`/rollouts/${rollout.id}/${action}`, { method: "POST", body: {}, ifMatch: rollout.etag });
    queryClient.setQueryData(key, changed);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 412) throw error;
    throw new ApiError(412, error.slug, "Somebody else changed this rollout meanwhile. Look at it again, then decide.");
  } finally {
    void queryClient.invalidateQueries({ queryKey: key });
    void queryClient.invalidateQueries({ queryKey: ["rollouts"] });
  }
}

export function RolloutActions({ rollout }: { rollout: Rollout }) {
  const shown = ACTIONS.filter(({ action }) => rollout.allowed[action] === true || SHOWN_REFUSED[rollout.state].includes(action));
  const notMine = useRefusal("operate_rollouts");
  const refused = notMine ? [] : shown.filter(({ action }) => rollout.allowed[action] !== true);
  return (
    <div class="stack" style="gap: 6px; justify-items: end">
      <div class="row" role="group" aria-label="Actions">
        {shown.map(({ action, label, tone, does }) => {
          const allowed = rollout.allowed[action];
          return (
            <Confirm
              key={action}
              label={label}
              title={`${label} “${rollout.name}”?`}
              does={does}
              command={`argosy rollout ${action} ${rollout.id}`}
              tone={tone}
              refusal={notMine ?? (allowed === true ? undefined : allowed)}
              act={() => act(rollout, action)}
            />
          );
        })}
      </div>
      {notMine && <p class="muted small">You may look, but {notMine}.</p>}
      {refused.length > 0 && (
        <ul class="reasons">
          {refused.map(({ action, label }) => (
            <li key={action}>
              {label}: {rollout.allowed[action]}.
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
