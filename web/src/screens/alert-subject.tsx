// What an alert is about: a device, a whole site or a rollout.

import { Link } from "wouter-preact";
import type { Alert } from "../api/alerts";
import { devicePath } from "./paths";

export function AlertSubject({ alert }: { alert: Alert }) {
  if (alert.rollout_id !== null) return <Link href={`/rollouts/${alert.rollout_id}`}>{alert.rollout ?? `Rollout ${alert.rollout_id}`}</Link>;
  if (alert.device_id === null) return <Link href="/connectivity">{alert.site}</Link>;
  return <Link href={devicePath(alert.device_id)}>{alert.device_id}</Link>;
}
