// The buttons that change the course of a rollout. Those that may not be pressed say why, below.

import { useMe } from "../api/access";
import { ApiError, call } from "../api/client";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import type { Rollout, RolloutAction } from "../api/rollouts";
import { Confirm } from "../ui/confirm";

interface ActionText {
  action: RolloutAction;
  body?: Record<string, unknown>; // what is asked for beside
  flag?: string; // of the same command
  when?: (rollout: Rollout) => boolean; // shown then alone
  label: string;
  tone: "primary" | "danger" | "";
  does: string;
}

const requiredWaits = ({ guards }: Rollout) => (guards ?? []).some(({ mode, verdict }) => mode === "required" && (verdict === "waiting" || verdict === "unknown"));

const ACTIONS: ActionText[] = [
  { action: "start", label: "Start", tone: "primary", does: "The devices of the first wave are told to update. The others wait for the gate." },
  { action: "approve", label: "Approve", tone: "primary", does: "The rollout starts, at once or at its time. Your name goes into the decision log." },
  { action: "refuse", label: "Refuse", tone: "danger", does: "The rollout is a draft again. Your name goes into the decision log." },
  { action: "cancel", label: "Cancel the start", tone: "", does: "The rollout is a draft again: it does not start." },
  { action: "pause", label: "Pause", tone: "", does: "No other device is told to update. Devices that are at work go on. Resume continues the rollout." },
  { action: "resume", label: "Resume", tone: "primary", does: "The rollout goes on where it was paused." },
  { action: "promote", label: "Promote", tone: "", does: "The next wave opens now, without waiting for the gate of this one." },
  {
    action: "promote",
    label: "Promote all",
    body: { all: true },
    flag: " --all",
    tone: "",
    does: "The next wave opens now, and each one after it as soon as the devices of the one before have an outcome: without its bake time, without waiting for guards that cannot tell yet, and without an operator. Abort criteria, failing guards, required guards and the success share still stop the rollout. The last wave keeps its gate.",
    when: (rollout) => !requiredWaits(rollout),
  },
  {
    action: "promote",
    label: "Promote all, overriding guards",
    body: { all: true, override_guards: true },
    flag: " --all --override-guards",
    tone: "danger",
    does: "As promoting all, and past required guards that have not passed. That you override them goes into the decision log.",
    when: requiredWaits,
  },
  { action: "retry", label: "Retry failed", tone: "", does: "The devices that failed are told to try again." },
  { action: "assign", label: "Let it stand", tone: "", does: "Once the rollout has completed, devices that enrol later, or come to match its filter, get the release, too: at its pace, in its hours, and without guards. An older rollout that stands for the same devices stands no more." },
  { action: "unassign", label: "Let it stand no more", tone: "", does: "Devices that come later get nothing from this rollout. Newcomers that were not told yet leave it; devices that have the release keep it." },
  { action: "halt", label: "Halt", tone: "danger", does: "The rollout ends here. No other device gets the release; devices that have it keep it. This cannot be taken back." },
  { action: "rollback", label: "Roll back", tone: "danger", does: "The rollout ends, and every device that has the release goes back to what it had before. This cannot be taken back." },
];

/** What is worth a button now: all that may be pressed, and what usually comes next but may not. */
const SHOWN_REFUSED: Record<Rollout["state"], RolloutAction[]> = {
  draft: ["start", "promote", "rollback"],
  awaiting_approval: ["approve", "cancel"],
  scheduled: ["cancel", "start"],
  running: ["promote", "retry", "resume"],
  paused: ["promote", "retry", "pause"],
  completed: ["retry", "halt", "promote"],
  halted: ["resume", "rollback", "retry"],
  rolling_back: ["halt", "rollback"],
  rolled_back: ["start", "rollback"],
};

/** Nobody decides on what they made themselves; the server has the last word, for it knows whose a token is. */
function ownRefusal(rollout: Rollout, action: RolloutAction, name: string | undefined): string | undefined {
  const decides = action === "approve" || action === "refuse";
  if (!decides || rollout.allowed[action] !== true || name === undefined || rollout.created_by !== `user:${name}`) return undefined;
  return "you made this rollout, so another account has to decide";
}

async function act(rollout: Rollout, action: RolloutAction, body: Record<string, unknown> = {}) {
  const key = ["rollout", String(rollout.id)];
  try {
    const changed = await call<Rollout>(`/rollouts/${rollout.id}/${action}`, { method: "POST", body, ifMatch: rollout.etag });
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
  const me = useMe();
  const allowedOf = (action: RolloutAction): true | string => ownRefusal(rollout, action, me.data?.user.name) ?? rollout.allowed[action];
  const shown = ACTIONS.filter(({ action, body, when }) => (when?.(rollout) ?? true) && (rollout.allowed[action] === true || (body === undefined && SHOWN_REFUSED[rollout.state].includes(action))));
  const notMine = useRefusal("operate_rollouts");
  const refused = notMine ? [] : shown.filter(({ action }) => allowedOf(action) !== true);
  return (
    <div class="stack" style="gap: 6px; justify-items: end">
      <div class="row" role="group" aria-label="Actions">
        {shown.map(({ action, body, flag, label, tone, does }) => {
          const allowed = allowedOf(action);
          return (
            <Confirm
              key={label}
              label={label}
              title={`${label} “${rollout.name}”?`}
              does={does}
              command={`argosy rollout ${action} ${rollout.id}${flag ?? ""}`}
              tone={tone}
              refusal={notMine ?? (allowed === true ? undefined : allowed)}
              act={() => act(rollout, action, body)}
            />
          );
        })}
      </div>
      {notMine && <p class="muted small">You may look, but {notMine}.</p>}
      {refused.length > 0 && (
        <ul class="reasons">
          {refused.map(({ action, label }) => (
            <li key={label}>
              {label}: {allowedOf(action)}.
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
