// The form of a route, to make one or to change it, and what it would have told of the last days.

import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { call } from "../api/client";
import type { NoticeRoute, NoticeTarget, RoutePreview, TargetKind } from "../api/notifications";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useAttempt } from "../ui/attempt";
import { Failure } from "../ui/card";
import { Copy } from "../ui/copy";
import { clock, plural } from "../ui/format";
import { TARGETS, changesOf, routeOf } from "./notice-text";

export function MakeRoute() {
  const secret = useSignal<string | null>(null);
  const make = async (form: FormData) => {
    const made = await call<{ secret?: string }>("/routes", { method: "POST", body: routeOf(form) });
    secret.value = made.secret ?? null;
    return made.secret === undefined;
  };
  return (
    <RouteDialog label="Make a route" title="Make a route" send="Make it" act={make} preview={(form) => call<RoutePreview>("/routes/preview", { method: "POST", body: routeOf(form) })} onOpen={() => (secret.value = null)}>
      {secret.value !== null && (
        <>
          <p>The receiver checks signatures with this secret. It is shown this once.</p>
          <Copy text={secret.value} />
        </>
      )}
    </RouteDialog>
  );
}

export function EditRoute({ route }: { route: NoticeRoute }) {
  const change = async (form: FormData) => {
    await call(`/routes/${route.id}`, { method: "PATCH", body: changesOf(form, route), ifMatch: String(route.version) });
    return true;
  };
  return <RouteDialog label="Change" title={`Change ${route.name}`} send="Change it" route={route} act={change} preview={(form) => call<RoutePreview>(`/routes/${route.id}/preview`, { method: "POST", body: changesOf(form, route) })} />;
}

interface RouteDialogProps {
  label: string;
  title: string;
  send: string;
  route?: NoticeRoute;
  act: (form: FormData) => Promise<boolean>; // whether there is nothing more to show
  preview: (form: FormData) => Promise<RoutePreview>;
  onOpen?: () => void;
  children?: preact.ComponentChildren; // shown in place of the form
}

function RouteDialog({ label, title, send, route, act, preview, onOpen, children }: RouteDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const refusal = useRefusal("manage_notifications");
  const closed = useSignal(0); // how often: the fields begin anew
  const kind = useSignal<TargetKind>(route?.target.kind ?? "webhook");
  const seen = useSignal<RoutePreview | null>(null);
  const { busy, failure, run } = useAttempt();
  const heading = useId();
  const open = () => {
    onOpen?.();
    failure.value = null;
    seen.value = null;
    dialog.current?.showModal();
  };
  const close = () => {
    kind.value = route?.target.kind ?? "webhook";
    closed.value += 1;
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run(async () => {
      const is_done = await act(new FormData(form.current!));
      await queryClient.invalidateQueries({ queryKey: ["routes"] });
      if (is_done) dialog.current?.close();
    });
  };
  const look = () => {
    if (!form.current!.reportValidity()) return;
    void run(async () => {
      seen.value = await preview(new FormData(form.current!));
    });
  };
  return (
    <>
      <button class="button" type="button" disabled={refusal !== undefined} title={refusal} onClick={open} aria-label={route && `${label} ${route.name}`}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={heading} onClose={close}>
        <form ref={form} class="stack" onSubmit={submit}>
          <h2 id={heading}>{title}</h2>
          {children || (
            <>
              <Fields key={closed.value} route={route} kind={kind.value} onKind={(chosen) => (kind.value = chosen)} />
              {seen.value !== null && <Preview preview={seen.value} />}
              {failure.value !== null && <Failure error={failure.value} />}
            </>
          )}
          <div class="row">
            {!children && (
              <>
                <button class="button primary" disabled={busy.value}>
                  {send}
                </button>
                <button class="button" type="button" disabled={busy.value} onClick={look}>
                  What would it have told?
                </button>
              </>
            )}
            <button class="button" type="button" onClick={() => dialog.current?.close()}>
              {children ? "Close" : "Cancel"}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

function Preview({ preview }: { preview: RoutePreview }) {
  const days = "In the last seven days";
  return (
    <div class="stack" role="status" style="gap: 6px">
      <p>{preview.events === 0 ? `${days} it would have told nothing.` : `${days} it would have told ${plural(preview.events, "event")} in ${plural(preview.messages, "message")}${preview.is_cut ? ", of the newest that there were" : ""}.`}</p>
      {preview.newest.length > 0 && (
        <ul class="plain small" style="max-height: 160px; overflow-y: auto" tabIndex={0} aria-label="The newest of them">
          {preview.newest.map((event, place) => (
            <li key={place}>
              <span class="muted">{clock(event.at)}</span> {event.message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Fields({ route, kind, onKind }: { route?: NoticeRoute; kind: TargetKind; onKind: (kind: TargetKind) => void }) {
  return (
    <>
      <div class="pair">
        <Text label="Name" name="name" required pattern="[A-Za-z0-9_\-]+" maxLength={64} defaultValue={route?.name} />
        <label class="field">
          To
          <select class="input" name="target" value={kind} disabled={route !== undefined} title={route && "A route stays of its kind: its log and its secrets are of that"} onChange={(event) => onKind(event.currentTarget.value as TargetKind)}>
            {TARGETS.map(([each, name]) => (
              <option key={each} value={each}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Text label="Events (alert.* for all that begin so)" name="kinds" required defaultValue={route?.kinds.join(" ") ?? "alert.*"} />
      <div class="pair">
        <label class="field">
          Severity at least
          <select class="input" name="least_severity">
            {["info", "warning", "critical"].map((each) => (
              <option key={each} selected={each === (route?.least_severity ?? "info")}>
                {each}
              </option>
            ))}
          </select>
        </label>
        {kind !== "pagerduty" && <Text label="Gather for, seconds" name="group_wait_s" type="number" min="0" max="3600" defaultValue={String(route?.group_wait_s ?? 30)} required />}
      </div>
      <Text label="Of devices that match (empty: of all)" name="filter" placeholder={'labels.site = "berlin"'} defaultValue={route?.filter ?? ""} />
      {kind === "email" ? (
        <MailFields target={route?.target} />
      ) : kind === "pagerduty" ? (
        <Text label={route ? "Another integration key (empty: as it is)" : "Integration key"} name="routing_key" type="password" autocomplete="off" required={!route} />
      ) : kind === "slack" || kind === "teams" ? (
        <Text label={route ? `Another address (a secret; empty: as it is, at ${route.target.host ?? ""})` : "Address of the incoming webhook (a secret)"} name="url" type="url" placeholder="https://" required={!route} />
      ) : (
        <Text label="Address" name="url" type="url" placeholder="https://" required defaultValue={route?.target.url} />
      )}
    </>
  );
}

function MailFields({ target }: { target?: NoticeTarget }) {
  return (
    <>
      <div class="pair">
        <Text label="Mail server" name="host" required defaultValue={target?.host} />
        <Text label="Port" name="port" type="number" min="1" max="65535" defaultValue={String(target?.port ?? 587)} required />
      </div>
      <label class="field">
        Encryption
        <select class="input" name="tls">
          <option value="starttls" selected={target?.tls === "starttls"}>STARTTLS</option>
          <option value="implicit" selected={target?.tls === "implicit"}>TLS from the first byte</option>
          <option value="none" selected={target?.tls === "none"}>none, without signing in</option>
        </select>
      </label>
      <div class="pair">
        <Text label="User" name="user" autocomplete="off" defaultValue={target?.user ?? ""} />
        <Text label={target ? "Another password (empty: as it is)" : "Password"} name="password" type="password" autocomplete="new-password" />
      </div>
      <Text label="From" name="from" type="email" required defaultValue={target?.from} />
      <Text label="To (part addresses with commas)" name="to" required defaultValue={(target?.to ?? []).join(", ")} />
    </>
  );
}

type Attributes = { label: string; name: string; type?: string; required?: boolean; pattern?: string; maxLength?: number; min?: string; max?: string; defaultValue?: string; placeholder?: string; autocomplete?: string };

function Text({ label, ...attributes }: Attributes) {
  return (
    <label class="field">
      {label}
      <input class="input" {...attributes} />
    </label>
  );
}

