// The button that walks the audit log's chain and names the first row that does not fit.

import { useSignal } from "@preact/signals";
import { walkAudit, type AuditVerdict, type AuditWalk } from "../api/audit";
import { call } from "../api/client";
import { useAttempt } from "../ui/attempt";
import { Failure } from "../ui/card";
import { Status } from "../ui/status";

export function VerifyAudit() {
  const rows = useSignal(0); // looked at so far
  const verdict = useSignal<AuditVerdict | null>(null);
  const { busy, failure, run } = useAttempt();
  const verify = async () => {
    rows.value = 0;
    verdict.value = null;
    verdict.value = await walkAudit(
      (after) => call<AuditWalk>(`/audit/verify?after=${after}`),
      (seen) => (rows.value = seen),
    );
  };
  return (
    <span class="row" aria-live="polite">
      {failure.value !== null && <Failure error={failure.value} />}
      {busy.value && <span class="muted small">{rows.value} rows</span>}
      {verdict.value !== null &&
        (verdict.value.fault === null ? (
          <Status tone="good" text={`Intact: ${verdict.value.rows} rows`} title={`Head ${verdict.value.seal}:${verdict.value.hash}`} />
        ) : (
          <Status tone="bad" text={verdict.value.fault} />
        ))}
      <button class="button" type="button" disabled={busy.value} title="Walks the chain of hashes from the first row to the last" onClick={() => void run(verify)}>
        Verify
      </button>
    </span>
  );
}
