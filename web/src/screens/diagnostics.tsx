// What a device said of itself when it was asked, and asking it.

import { call } from "../api/client";
import { useDiagnostics, type DeviceDiagnostics } from "../api/devices";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useAttempt } from "../ui/attempt";
import { Card, Empty, Failure } from "../ui/card";
import { ago, bytes, clock, person, words } from "../ui/format";
import { Status, type Tone } from "../ui/status";

const TONES: Record<DeviceDiagnostics["state"], Tone> = { waiting: "accent", answered: "good", unanswered: "warn" };

export function Diagnostics({ id }: { id: string }) {
  const diagnostics = useDiagnostics(id);
  const refusal = useRefusal("manage_devices");
  const asking = useAttempt();
  const items = diagnostics.data?.items ?? [];
  const waits = items[0]?.state === "waiting";
  const ask = () =>
    asking.run(async () => {
      await call(`/devices/${encodeURIComponent(id)}/diagnostics`, { method: "POST", body: {} });
      await queryClient.invalidateQueries({ queryKey: ["devices", id, "diagnostics"] });
    });
  return (
    <Card
      title="Diagnostics"
      extra={
        <button class="button" type="button" disabled={refusal !== undefined || asking.busy.value || waits} title={refusal ?? (waits ? "It was asked, and has not answered yet" : undefined)} onClick={() => void ask()}>
          Ask the device
        </button>
      }
    >
      {asking.failure.value !== null && <Failure error={asking.failure.value} />}
      {diagnostics.error && <Failure error={diagnostics.error} retry={() => void diagnostics.refetch()} />}
      {diagnostics.data && items.length === 0 ? (
        <Empty>It was not asked yet: its state, its readings, its log and how its updates went, without any input.</Empty>
      ) : (
        <ul class="plain stack" aria-label="Diagnostics">
          {items.map((each) => (
            <Line key={each.id} of={each} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Line({ of }: { of: DeviceDiagnostics }) {
  return (
    <li class="row between">
      <span>
        <Status tone={TONES[of.state]} text={words(of.state)} /> asked by {person(of.asked_by)}{" "}
        <span class="muted small" title={clock(of.asked_at)}>
          {ago(of.asked_at)}
          {of.reason !== "" && `, ${of.reason}`}
        </span>
      </span>
      {of.state === "answered" && (
        <a class="button" href={`/api/v1/devices/${encodeURIComponent(of.device_id)}/diagnostics/${of.id}`} download={`${of.device_id}-diagnostics-${of.id}.json`}>
          Download, {bytes(of.bytes)}
        </a>
      )}
    </li>
  );
}
