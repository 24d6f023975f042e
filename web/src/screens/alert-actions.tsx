// The buttons by which people say that they look after an alert, or do not any more.

import { useSignal } from "@preact/signals";
import type { Alert } from "../api/alerts";
import { call } from "../api/client";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { Confirm } from "../ui/confirm";
import { person } from "../ui/format";

const readAgain = () => Promise.all([queryClient.invalidateQueries({ queryKey: ["alerts"] }), queryClient.invalidateQueries({ queryKey: ["overview"] })]);

/** Who looks after it, or the button to say that one does. */
export function Acknowledge({ alert }: { alert: Alert }) {
  const comment = useSignal("");
  const refusal = useRefusal("acknowledge_alerts");
  if (alert.acknowledged_by) {
    return (
      <span class="row">
        <span title={alert.acknowledgement}>{person(alert.acknowledged_by)}</span>
        <Confirm
          label="Take back"
          title={`Take the acknowledgement of alert ${alert.id} back?`}
          does="Nobody looks after it then, and it is told again when nobody comes."
          command={`argosy alert unack ${alert.id}`}
          refusal={refusal}
          act={async () => {
            await call(`/alerts/${alert.id}/acknowledge`, { method: "DELETE" });
            await readAgain();
          }}
        />
      </span>
    );
  }
  return (
    <Confirm
      label="Acknowledge"
      title={`Acknowledge alert ${alert.id}?`}
      does="It says that you look after it: it is not told again, and stays open until it is well."
      command={`argosy alert ack ${alert.id}${comment.value === "" ? "" : ` --comment "${comment.value}"`}`}
      refusal={refusal}
      act={async () => {
        await call(`/alerts/${alert.id}/acknowledge`, { method: "POST", body: comment.value === "" ? {} : { comment: comment.value } });
        await readAgain();
      }}
    >
      <label class="field">
        What is being done
        <input class="input" value={comment.value} maxLength={500} onInput={(event) => (comment.value = event.currentTarget.value)} />
      </label>
    </Confirm>
  );
}
