// Who is told of what: routes, and what became of each message.

import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { call } from "../api/client";
import { useDeliveries, useDelivery, useRoutes, type Delivery, type DeliveryInFull, type NoticeRoute } from "../api/notifications";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useAttempt } from "../ui/attempt";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { Copy } from "../ui/copy";
import { ago, clock, plural } from "../ui/format";
import { Segments } from "../ui/segments";
import { Status } from "../ui/status";
import { deliveryState, healthOf, narrowedTo, placeOf, targetName } from "./notice-text";
import { withSearch } from "./paths";
import { EditRoute, MakeRoute } from "./route-form";

const STATES: [string, string][] = [
  ["", "All"],
  ["waiting", "Waiting"],
  ["delivered", "Arrived"],
  ["given_up", "Given up"],
];

export default function Notifications() {
  return (
    <>
      <h1>Notifications</h1>
      <OneDelivery />
      <Routes />
      <Deliveries />
    </>
  );
}

async function changed() {
  await Promise.all(["routes", "deliveries"].map((list) => queryClient.invalidateQueries({ queryKey: [list] })));
}

// -- Routes ----------------------------------------------------------------------------------------------------------

function Routes() {
  const routes = useRoutes();
  const items = routes.data?.items ?? [];
  return (
    <Card title="Routes" extra={<MakeRoute />} flush>
      {routes.isPending ? (
        <Skeleton />
      ) : routes.error ? (
        <Failure error={routes.error} retry={() => void routes.refetch()} />
      ) : items.length === 0 ? (
        <Empty>Nobody is told of anything yet. A route says which events go where.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Route</th>
                <th>Tells</th>
                <th>To</th>
                <th>State</th>
                <th class="num">Waiting</th>
                <th>
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((route) => (
                <RouteRow key={route.id} route={route} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function RouteRow({ route }: { route: NoticeRoute }) {
  const health = healthOf(route);
  return (
    <tr>
      <td class="nowrap">{route.name}</td>
      <td>
        <span class="mono small">{route.kinds.join(" ")}</span>
        <div class="muted small">{narrowedTo(route)}</div>
      </td>
      <td>
        {targetName(route.target.kind)}
        <div class="muted small" style="overflow-wrap: anywhere">
          {placeOf(route)}
        </div>
      </td>
      <td>
        <Status tone={health.tone} text={health.text} title={health.why} />
        {health.why && <div class="muted small">{health.why}</div>}
      </td>
      <td class="num">{route.waiting}</td>
      <td style="min-width: 280px">
        <RouteActions route={route} />
      </td>
    </tr>
  );
}

function RouteActions({ route }: { route: NoticeRoute }) {
  const refusal = useRefusal("manage_notifications");
  const secret = useSignal<string | null>(null);
  const patch = async (body: object) => {
    await call(`/routes/${route.id}`, { method: "PATCH", body, ifMatch: String(route.version) });
    await changed();
  };
  const rotate = async () => {
    secret.value = (await call<{ secret: string }>(`/routes/${route.id}/rotate`, { method: "POST", body: {} })).secret;
    await changed();
  };
  const remove = async () => {
    await call(`/routes/${route.id}`, { method: "DELETE" });
    await changed();
  };
  if (secret.value !== null) return <Copy text={secret.value} />;
  return (
    <span class="row">
      <SendTest route={route} refusal={refusal} />
      <EditRoute route={route} />
      {route.target.kind === "webhook" && (
        <Confirm label="New secret" title={`Make ${route.name} another secret?`} does="It is shown this once. The present one signs beside it for a day, so that the receiver can change over." command={`argosy route rotate ${route.name}`} refusal={refusal} act={rotate} />
      )}
      <Confirm
        label={route.enabled ? "Switch off" : "Switch on"}
        title={`Switch ${route.name} ${route.enabled ? "off" : "on"}?`}
        does={route.enabled ? "Nothing new is told. What waits, waits on." : "What happens from now on is told."}
        command={`argosy route update ${route.name} --${route.enabled ? "disable" : "enable"}`}
        refusal={refusal}
        act={() => patch({ enabled: !route.enabled })}
      />
      <Confirm label="Delete" title={`Delete ${route.name}?`} does="What waits is not told, and the log of its deliveries goes with it." command={`argosy --yes route delete ${route.name}`} tone="danger" refusal={refusal} act={remove} />
    </span>
  );
}

function SendTest({ route, refusal }: { route: NoticeRoute; refusal?: string }) {
  const sent = useSignal<number | null>(null);
  const { busy, failure, run } = useAttempt();
  const send = () =>
    run(async () => {
      sent.value = (await call<Delivery>(`/routes/${route.id}/test`, { method: "POST", body: {} })).id;
      await changed();
    });
  return (
    <span>
      <button class="button" type="button" disabled={refusal !== undefined || busy.value} title={refusal ?? "Sends one message that says it is a test"} onClick={() => void send()}>
        Send a test
      </button>
      {failure.value !== null && <Failure error={failure.value} />}
      {sent.value !== null && <TestOutcome key={sent.value} id={sent.value} />}
    </span>
  );
}

function TestOutcome({ id }: { id: number }) {
  const delivery = useDelivery(id, (data) => data?.state === "waiting");
  const { data } = delivery;
  const text = !data || data.state === "waiting" ? "Under way" : data.state === "delivered" ? "It arrived" : "It did not arrive";
  return (
    <span role="status" style="display: block">
      <Status tone={!data || data.state === "waiting" ? "quiet" : data.state === "delivered" ? "good" : "bad"} text={text} />
      {data?.last_error && <span class="muted small"> {data.last_error}</span>}
    </span>
  );
}

// -- Deliveries ------------------------------------------------------------------------------------------------------

function Deliveries() {
  const search = new URLSearchParams(useSearch());
  const state = STATES.find(([each]) => each === search.get("state"))?.[0] ?? "";
  const alert = search.get("alert") ?? "";
  const [, navigate] = useLocation();
  const deliveries = useDeliveries(alert, state);
  const items = deliveries.data?.items ?? [];
  return (
    <Card title={alert === "" ? "Deliveries" : `Deliveries about alert ${alert}`} extra={<Segments label="State" choices={STATES} chosen={state} onChoose={(chosen) => navigate(withSearch("/settings/notifications", { alert, state: chosen }))} />} flush>
      {deliveries.isPending ? (
        <Skeleton lines={6} />
      ) : deliveries.error ? (
        <Failure error={deliveries.error} retry={() => void deliveries.refetch()} />
      ) : items.length === 0 ? (
        <Empty>No message is in this state{alert !== "" && " and about this alert"}.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Made</th>
                <th>Route</th>
                <th>Message</th>
                <th>State</th>
                <th class="num">Attempts</th>
                <th>
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((delivery) => (
                <DeliveryRow key={delivery.id} delivery={delivery} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

/** The one that the address names: where an alert's screen leads. */
function OneDelivery() {
  const id = Number(new URLSearchParams(useSearch()).get("delivery"));
  if (!Number.isInteger(id) || id <= 0) return null;
  return (
    <Card title={`Delivery ${id}`} extra={<Link href="/settings/notifications">Close</Link>}>
      <WholeDelivery id={id} />
    </Card>
  );
}

function DeliveryRow({ delivery }: { delivery: Delivery }) {
  const refusal = useRefusal("manage_notifications");
  const state = deliveryState(delivery);
  const again = async () => {
    await call(`/deliveries/${delivery.id}/redeliver`, { method: "POST", body: {} });
    await changed();
  };
  return (
    <tr>
      <td class="nowrap muted" title={clock(delivery.created_at)}>
        {ago(delivery.created_at)}
      </td>
      <td class="nowrap">{delivery.route}</td>
      <td class="wide-text">
        {delivery.title}
        {delivery.event_count > 1 && <span class="muted small"> and {plural(delivery.event_count - 1, "other")}</span>}
      </td>
      <td>
        <Status tone={state.tone} text={state.text} title={state.why} />
        {state.why && <div class="muted small">{state.why}</div>}
      </td>
      <td class="num">{delivery.attempts}</td>
      <td>
        <span class="row">
          <Log delivery={delivery} />
          <Confirm label="Send again" title={`Send delivery ${delivery.id} again?`} does="It has the key that it had, so a receiver that remembers keys takes it once." command={`argosy delivery redeliver ${delivery.id}`} refusal={refusal} act={again} />
        </span>
      </td>
    </tr>
  );
}

function Log({ delivery }: { delivery: Delivery }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = useSignal(false);
  const title = useId();
  const open = () => {
    isOpen.value = true;
    dialog.current?.showModal();
  };
  return (
    <>
      <button class="button" type="button" onClick={open} aria-label={`Log of delivery ${delivery.id}`}>
        Log
      </button>
      <dialog ref={dialog} aria-labelledby={title} onClose={() => (isOpen.value = false)}>
        <div class="stack">
          <h2 id={title}>Delivery {delivery.id}</h2>
          {isOpen.value && <WholeDelivery id={delivery.id} />}
          <div class="row">
            <button class="button" type="button" onClick={() => dialog.current?.close()}>
              Close
            </button>
          </div>
        </div>
      </dialog>
    </>
  );
}

function WholeDelivery({ id }: { id: number }) {
  const delivery = useDelivery(id);
  if (delivery.isPending) return <Skeleton />;
  if (delivery.error) return <Failure error={delivery.error} />;
  const { key, events, event_count, log } = delivery.data;
  return (
    <div class="stack">
      <p class="muted small mono" style="overflow-wrap: anywhere">
        {key}
      </p>
      <h3>What it tells</h3>
      <EventList events={events} />
      {event_count > events.length && <p class="muted small">and {plural(event_count - events.length, "other")}.</p>}
      <h3>Attempts</h3>
      <AttemptList log={log} />
    </div>
  );
}

function EventList({ events }: { events: DeliveryInFull["events"] }) {
  return (
    <ul class="plain stack">
      {events.map((event) => (
        <li key={event.id}>
          {event.message}{" "}
          <span class="muted small">
            {event.kind}, {clock(event.at)}
            {event.details?.alert !== undefined && (
              <>
                , <Link href={`/alerts/${event.details.alert}`}>alert {event.details.alert}</Link>
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function AttemptList({ log }: { log: DeliveryInFull["log"] }) {
  if (log.length === 0) return <p class="muted">Nobody has tried yet.</p>;
  return (
    <ul class="plain stack">
      {log.map((attempt) => (
        <li key={attempt.at}>
          <Status tone={attempt.delivered ? "good" : "bad"} text={attempt.delivered ? `Answered ${attempt.status}` : (attempt.error ?? "Failed")} />
          <span class="muted small">
            {" "}
            {clock(attempt.at)}, {attempt.took_ms} ms
          </span>
          {attempt.answer && <pre class="small" style="white-space: pre-wrap; overflow-wrap: anywhere; margin: 0">{attempt.answer}</pre>}
        </li>
      ))}
    </ul>
  );
}
