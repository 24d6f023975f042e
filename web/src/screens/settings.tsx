// What an administrator manages: claims with which devices enrol, tokens for pipelines, people, and the audit log.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { useMe, useTokens, useUsers, type Role } from "../api/access";
import { useAudit } from "../api/audit";
import { call } from "../api/client";
import { useClaims } from "../api/devices";
import { SETTINGS, may } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useAttempt } from "../ui/attempt";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { Copy } from "../ui/copy";
import { ago, clock, person, span, words } from "../ui/format";
import { Status } from "../ui/status";
import { PersonActions } from "./person-actions";
import { VerifyAudit } from "./verify-audit";

const ROLES: Role[] = ["viewer", "publisher", "operator", "admin"];

export default function Settings() {
  const me = useMe();
  if (!me.data) return <Skeleton lines={8} />;
  return (
    <>
      <h1>Settings</h1>
      {may(me.data, "read_notifications") && (
        <p>
          <Link href="/settings/notifications">Notifications</Link>: who is told of what happens, and what became of each message.
        </p>
      )}
      {may(me.data, "admit_devices") && <Claims />}
      {may(me.data, "manage_people") && <Tokens />}
      {may(me.data, "manage_people") && <Users />}
      {may(me.data, "read_audit") && <Audit />}
      {!may(me.data, ...SETTINGS) && <Empty>Nothing here is for the role {me.data.user.role}: an administrator admits devices and people.</Empty>}
    </>
  );
}

interface ListState {
  isPending: boolean;
  error: Error | null;
  data?: { items: unknown[] };
}

function List({ title, extra, state, empty, head, children }: { title: string; extra?: ComponentChildren; state: ListState; empty: string; head: string[]; children: ComponentChildren }) {
  return (
    <Card title={title} extra={extra} flush>
      {state.isPending ? (
        <Skeleton />
      ) : state.error ? (
        <Failure error={state.error} />
      ) : state.data?.items.length === 0 ? (
        <Empty>{empty}</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                {head.map((text) => (
                  <th key={text}>{text === "" ? <span class="visually-hidden">Action</span> : text}</th>
                ))}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

/** A form in a dialog that makes something whose secret the server tells once. */
function Make({ label, secretIs, make, children }: { label: string; secretIs: string; make: (form: FormData) => Promise<string>; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const secret = useSignal<string | null>(null);
  const { busy, failure, run } = useAttempt();
  const title = useId();
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    await run(async () => {
      secret.value = await make(form);
    });
  };
  const open = () => {
    secret.value = null;
    failure.value = null;
    dialog.current?.showModal();
  };
  return (
    <>
      <button class="button" type="button" onClick={open}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={title}>
        <form class="stack" onSubmit={(event) => void send(event)}>
          <h2 id={title}>{label}</h2>
          {secret.value === null ? (
            <>
              {children}
              {failure.value !== null && <Failure error={failure.value} />}
              <div class="row">
                <button class="button primary" disabled={busy.value}>
                  {label}
                </button>
                <button class="button" type="button" onClick={() => dialog.current?.close()}>
                  Cancel
                </button>
              </div>
            </>
          ) : (
            <>
              <p>{secretIs} It is shown this once.</p>
              <Copy text={secret.value} />
              <div class="row">
                <button class="button primary" type="button" onClick={() => dialog.current?.close()}>
                  Close
                </button>
              </div>
            </>
          )}
        </form>
      </dialog>
    </>
  );
}

async function changed(list: string) {
  await Promise.all([queryClient.invalidateQueries({ queryKey: [list] }), queryClient.invalidateQueries({ queryKey: ["audit"] })]);
}

function until(at: string | null): string {
  if (at === null) return "never";
  const left = Date.parse(at) - Date.now();
  return left > 0 ? `in ${span(left)}` : `${span(-left)} ago`;
}

function Claims() {
  const claims = useClaims();
  const make = async (form: FormData) => {
    const hardware = String(form.get("hardware_class"));
    const body = { max_uses: Number(form.get("max_uses")), expires_in_s: Number(form.get("hours")) * 3600, ...(hardware ? { hardware_class: hardware } : {}) };
    const made = await call<{ claim: string }>("/claims", { method: "POST", body });
    await changed("claims");
    return made.claim;
  };
  const add = (
    <Make label="Make a claim" secretIs="Give this claim to the agents of the new devices: each enrols with it once." make={make}>
      <div class="pair">
        <label class="field">
          For how many devices
          <input class="input" name="max_uses" type="number" min="1" max="100000" defaultValue="1" required />
        </label>
        <label class="field">
          Valid for, hours
          <input class="input" name="hours" type="number" min="1" max="720" defaultValue="24" required />
        </label>
      </div>
      <label class="field">
        Hardware class (empty: as the device says)
        <input class="input" name="hardware_class" maxLength={64} pattern="[A-Za-z0-9_\-]+" />
      </label>
    </Make>
  );
  return (
    <List title="Claims, with which devices enrol" extra={add} state={claims} empty="There are no claims. A device needs one to enrol." head={["Number", "Devices", "Hardware class", "Expires", "Made by", ""]}>
      {claims.data?.items.map((claim) => (
        <tr key={claim.id}>
          <td>{claim.id}</td>
          <td>
            {claim.uses} of {claim.max_uses}
          </td>
          <td>{claim.hardware_class ?? "any"}</td>
          <td>{until(claim.expires_at)}</td>
          <td class="muted">
            {person(claim.created_by)}, {ago(claim.created_at)}
          </td>
          <td class="num">
            <Revoke what={`claim ${claim.id}`} at={claim.revoked_at} path={`/claims/${claim.id}`} list="claims" does="No further device can enrol with it. Devices that enrolled with it stay." />
          </td>
        </tr>
      ))}
    </List>
  );
}

function Tokens() {
  const tokens = useTokens();
  const make = async (form: FormData) => {
    const body = { name: form.get("name"), role: form.get("role"), expires_in_s: Number(form.get("days")) * 86400 };
    const made = await call<{ token: string }>("/tokens", { method: "POST", body });
    await changed("tokens");
    return made.token;
  };
  const add = (
    <Make label="Make a token" secretIs="Put this token into the pipeline's secrets." make={make}>
      <label class="field">
        Name
        <input class="input" name="name" maxLength={64} required placeholder="release-pipeline" />
      </label>
      <div class="pair">
        <RoleField />
        <label class="field">
          Valid for, days
          <input class="input" name="days" type="number" min="1" max="3660" defaultValue="90" required />
        </label>
      </div>
    </Make>
  );
  return (
    <List title="API tokens for programs" extra={add} state={tokens} empty="There are no tokens." head={["Name", "Role", "Expires", "Last used", "Made by", ""]}>
      {tokens.data?.items.map((token) => (
        <tr key={token.id}>
          <td>{token.name}</td>
          <td>
            {words(token.effective_role)}
            {token.effective_role !== token.role && <span class="muted small"> (made as {words(token.role)}; its maker may do less now)</span>}
          </td>
          <td>{until(token.expires_at)}</td>
          <td>{ago(token.last_used_at)}</td>
          <td class="muted">
            {person(token.created_by)}, {ago(token.created_at)}
          </td>
          <td class="num">
            <Revoke what={`token ${token.name}`} at={token.revoked_at} path={`/tokens/${token.id}`} list="tokens" does="Whatever uses it is refused from now on, and so are the tokens that it made." />
          </td>
        </tr>
      ))}
    </List>
  );
}

function RoleField() {
  return (
    <label class="field">
      Role
      <select class="input" name="role">
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {words(role)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Revoke({ what, at, path, list, does }: { what: string; at: string | null; path: string; list: string; does: string }) {
  if (at !== null) return <Status tone="quiet" text="Revoked" title={clock(at)} />;
  const act = async () => {
    await call(path, { method: "DELETE" });
    await changed(list);
  };
  return <Confirm label="Revoke" title={`Revoke ${what}?`} does={does} tone="danger" act={act} />;
}

function Users() {
  const users = useUsers();
  const make = async (form: FormData) => {
    const made = await call<{ link: string }>("/users", { method: "POST", body: { name: form.get("name"), role: form.get("role") } });
    await changed("users");
    return made.link;
  };
  const add = (
    <Make label="Add a person" secretIs="Send this link to the new person: it signs them in once and lets them choose a password." make={make}>
      <label class="field">
        Name
        <input class="input" name="name" maxLength={64} required />
      </label>
      <RoleField />
    </Make>
  );
  return (
    <List title="People" extra={add} state={users} empty="There are no people." head={["Name", "Role", "Password", "Added", "State", ""]}>
      {users.data?.items.map((user) => (
        <tr key={user.id}>
          <td>{user.name}</td>
          <td>{words(user.role)}</td>
          <td>{user.has_password ? "chosen" : "none yet"}</td>
          <td class="muted">{ago(user.created_at)}</td>
          <td>{user.disabled_at ? <Status tone="quiet" text="Disabled" title={clock(user.disabled_at)} /> : <Status tone="good" text="Active" />}</td>
          <td class="num">
            <PersonActions user={user} onChange={() => changed("users")} />
          </td>
        </tr>
      ))}
    </List>
  );
}

function Audit() {
  const audit = useAudit();
  return (
    <List title="Audit log" extra={<VerifyAudit />} state={audit} empty="Nobody has changed anything yet." head={["When", "Who", "From", "Action", "Object", "Details"]}>
      {audit.data?.items.map((entry) => (
        <tr key={entry.id}>
          <td class="nowrap muted">{clock(entry.at)}</td>
          <td class="nowrap">{person(entry.actor)}</td>
          <td class="nowrap muted">{entry.address}</td>
          <td class="nowrap">{entry.action}</td>
          <td class="nowrap">{entry.object}</td>
          <td class="small mono muted" style="overflow-wrap: anywhere">
            {Object.keys(entry.details).length > 0 && JSON.stringify(entry.details)}
          </td>
        </tr>
      ))}
    </List>
  );
}
