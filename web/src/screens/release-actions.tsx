// The buttons that take a release back, and what came of it. A release that was withdrawn can still be recalled.

import { useSignal } from "@preact/signals";
import { Link } from "wouter-preact";
import { ApiError, call } from "../api/client";
import type { Release } from "../api/models";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import type { Recall } from "../api/rollouts";
import { Confirm } from "../ui/confirm";
import { devicesPath } from "./paths";
import { recallSentences } from "./release-text";

export function ReleaseActions({ release }: { release: Release }) {
  const answer = useSignal<Recall | null>(null);
  const reason = useSignal("");
  const notPublisher = useRefusal("publish_releases");
  const notOperator = useRefusal("operate_rollouts");
  const act = async (verb: "withdraw" | "recall") => {
    if (reason.value.trim() === "") throw new ApiError(400, "invalid-argument", "Say why: whoever meets the release later reads it.");
    const path = `/models/${encodeURIComponent(release.model)}/releases/${encodeURIComponent(release.version)}/${verb}`;
    answer.value = await call<Recall>(path, { method: "POST", body: { reason: reason.value.trim() } });
    void queryClient.invalidateQueries({ queryKey: ["models"] });
    void queryClient.invalidateQueries({ queryKey: ["rollouts"] });
    void queryClient.invalidateQueries({ queryKey: ["rollout"] });
  };
  const name = `${release.model} ${release.version}`;
  const command = (verb: string) => `argosy release ${verb} ${release.model}@${release.version} --reason "${reason.value.trim() || "…"}"`;
  const why = () => (
    <label class="field">
      Why
      <input class="input" value={reason.value} maxLength={500} required onInput={(event) => (reason.value = event.currentTarget.value)} />
    </label>
  );
  return (
    <div class="stack" style="gap: 6px">
      <span class="row">
        {!release.withdrawn && (
          <Confirm
            label="Withdraw"
            title={`Withdraw ${name}?`}
            does="No further device is told of it: running rollouts of it pause, drafts cannot be started. Devices that have it keep it. This cannot be taken back."
            command={command("withdraw")}
            tone="danger"
            refusal={notPublisher}
            act={() => act("withdraw")}
          >
            {why()}
          </Confirm>
        )}
        <Confirm
          label="Recall"
          title={`Recall ${name}?`}
          does="It is withdrawn, and every rollout of it is rolled back: devices that have it go back to what they had before. This cannot be taken back."
          command={command("recall") + " --yes"}
          tone="danger"
          refusal={notOperator}
          act={() => act("recall")}
        >
          {why()}
        </Confirm>
      </span>
      {answer.value && (
        <div class="small" role="status">
          <ul class="plain">
            {recallSentences(answer.value).map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
          {answer.value.running.devices > 0 && <Link href={devicesPath(answer.value.running.filter)}>Show the devices that run it</Link>}
        </div>
      )}
    </div>
  );
}
