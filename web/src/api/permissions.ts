// Who may do what. The server decides, and tells each caller's permissions; the screens only say it beforehand.

import { useMe, type Me, type Permission } from "./access";

const WHAT_FOR: Record<Permission, string> = {
  use_own_account: "have sessions",
  read_fleet: "look at the fleet",
  publish_releases: "publish releases",
  prepare_patches: "ask for patches or cancel them",
  manage_devices: "change or revoke devices",
  label_observations: "label what devices predicted",
  operate_rollouts: "plan or operate rollouts",
  acknowledge_alerts: "acknowledge or silence alerts",
  manage_rules: "change rules",
  admit_devices: "admit devices",
  manage_people: "manage people and tokens",
  read_audit: "read the audit log",
  read_notifications: "see who is told of what",
  manage_notifications: "change who is told of what",
};

/** What the settings are about: who has one of these finds them. */
export const SETTINGS: Permission[] = ["admit_devices", "manage_people", "read_audit", "read_notifications"];

export function may(me: Me, ...any: Permission[]): boolean {
  return any.some((permission) => me.permissions.includes(permission));
}

/** Why this caller may not do what `needs` a permission; undefined when they may. Pure. */
export function refusalFor(me: Me, needs: Permission): string | undefined {
  return may(me, needs) ? undefined : `your role, ${me.user.role}, may not ${WHAT_FOR[needs]}`;
}

export function useRefusal(needs: Permission): string | undefined {
  const me = useMe();
  return me.data && refusalFor(me.data, needs);
}
