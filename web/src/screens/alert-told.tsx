// To whom an alert was told: by which messages, and what became of them; or why nobody was.

import { Link } from "wouter-preact";
import { useMe } from "../api/access";
import { useTelling } from "../api/alerts";
import type { Delivery } from "../api/notifications";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { clock } from "../ui/format";
import { Status } from "../ui/status";
import { changeText } from "./alert-text";
import { deliveryState } from "./notice-text";
import { withSearch } from "./paths";

export function AlertTold({ alert }: { alert: number }) {
  const may = useMe().data?.permissions.includes("read_notifications") ?? false;
  const telling = useTelling(alert, may);
  if (!may) return null;
  const { data } = telling;
  const all = data && data.items.length > 0 && <Link href={withSearch("/settings/notifications", { alert: String(alert) })}>All deliveries of it</Link>;
  return (
    <Card title="Told" extra={all} flush>
      {telling.error ? (
        <Failure error={telling.error} retry={() => void telling.refetch()} />
      ) : !data ? (
        <Skeleton />
      ) : data.untold ? (
        <Empty>Nobody was told. {data.untold.message}</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Route</th>
                <th>Outcome</th>
                <th>Tells that it</th>
                <th>Made</th>
                <th>Delivery</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((delivery) => (
                <Told key={delivery.id} delivery={delivery} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Told({ delivery }: { delivery: Delivery }) {
  const state = deliveryState(delivery);
  return (
    <tr>
      <td class="nowrap">{delivery.route}</td>
      <td>
        <Status tone={state.tone} text={state.text} title={state.why} />
        {state.why && <div class="muted small">{state.why}</div>}
      </td>
      <td>{(delivery.kinds ?? []).map((kind) => changeText(kind.replace("alert.", "")).toLowerCase()).join(", ")}</td>
      <td class="nowrap">{clock(delivery.created_at)}</td>
      <td class="nowrap">
        <Link href={withSearch("/settings/notifications", { delivery: String(delivery.id) })}>{delivery.id}</Link>
      </td>
    </tr>
  );
}
