// What an administrator may do with a person: another role, another link, the end and the return of the account.

import { useSignal } from "@preact/signals";
import type { Role, User } from "../api/access";
import { call } from "../api/client";
import { Confirm } from "../ui/confirm";
import { Copy } from "../ui/copy";
import { words } from "../ui/format";

const ROLES: Role[] = ["viewer", "publisher", "operator", "admin"];

export function PersonActions({ user, onChange }: { user: User; onChange: () => Promise<void> }) {
  const link = useSignal<string | null>(null);
  const role = useSignal<Role>(user.role);
  const change = async (body: object) => {
    const changed = await call<{ link: string | null }>(`/users/${user.id}`, { method: "PATCH", body });
    link.value = changed.link;
    await onChange();
  };
  if (link.value !== null) return <Copy text={link.value} />;
  if (user.disabled_at !== null) {
    return <Confirm label="Enable" title={`Let ${user.name} in again?`} does="The password is as before. Sessions, links and tokens that have ended do not come back." act={() => change({ disabled: false })} />;
  }
  return (
    <span class="row">
      <select class="input" aria-label={`Role of ${user.name}`} value={role.value} onChange={(event) => (role.value = event.currentTarget.value as Role)}>
        {ROLES.map((one) => (
          <option key={one} value={one}>
            {words(one)}
          </option>
        ))}
      </select>
      <Confirm
        label="Change role"
        title={`Make ${user.name} ${words(role.value)}?`}
        does="All sessions of this person end at once, and tokens that they made may do no more than the new role."
        refusal={role.value === user.role ? "Choose another role first" : undefined}
        act={() => change({ role: role.value })}
      />
      <Confirm
        label="New link"
        title={`Make a one-time link for ${user.name}?`}
        does={user.has_password ? "This resets the account: its sessions and tokens end at once, and the link lets them choose another password." : "The previous link no longer works."}
        act={() => change({ new_link: true })}
      />
      <Confirm label="Disable" title={`Disable ${user.name}?`} does="All sessions, links and tokens of this person end at once, on every instance." tone="danger" act={() => change({ disabled: true })} />
    </span>
  );
}
