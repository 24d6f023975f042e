// A draft among the releases of its model: marked, with the buttons that publish it or throw it away.

import { call } from "../api/client";
import type { Draft } from "../api/models";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { Confirm } from "../ui/confirm";
import { ago, person } from "../ui/format";
import { Status } from "../ui/status";
import { asked, Variants } from "./release-cells";

export function DraftRow({ draft }: { draft: Draft }) {
  return (
    <tr>
      <td class="wide-text">
        <strong>{draft.version}</strong> <Status tone="quiet" text="Draft" title="It reaches no device until it is published" />
        <div class="muted small">{draft.notes}</div>
        <DraftActions draft={draft} />
      </td>
      <td class="nowrap muted">not published</td>
      <td>
        <Variants variants={draft.variants} />
      </td>
      <td class="nowrap">{draft.validation ? asked(draft.validation) : <span class="muted">no</span>}</td>
      <td class="nowrap muted">
        mended {ago(draft.updated_at)} by {person(draft.updated_by)}
        {draft.signature && ", signed"}
      </td>
    </tr>
  );
}

function DraftActions({ draft }: { draft: Draft }) {
  const refusal = useRefusal("publish_releases");
  const name = `${draft.model} ${draft.version}`, argument = `${draft.model}@${draft.version}`;
  const path = `/models/${encodeURIComponent(draft.model)}/drafts/${encodeURIComponent(draft.version)}`;
  const act = async (means: Parameters<typeof call>[1], below = "") => {
    await call(path + below, means);
    void queryClient.invalidateQueries({ queryKey: ["models"] });
  };
  return (
    <span class="row">
      <Confirm
        label="Publish"
        title={`Publish ${name}?`}
        does="It becomes a release as it is, and a release never changes. No device has it before a rollout."
        command={`argosy release finish ${argument}`}
        refusal={refusal}
        act={() => act({ method: "POST", body: {} }, "/publish")}
      />
      <Confirm
        label="Discard"
        title={`Discard the draft of ${name}?`}
        does="It is thrown away. Its files go some days later, unless a release has them."
        command={`argosy release discard ${argument}`}
        tone="danger"
        refusal={refusal}
        act={() => act({ method: "DELETE" })}
      />
    </span>
  );
}
