// The list of devices: the filter is the address, pages come as one scrolls on.

import { useEffect } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { useDevices, useReplacements, type Device } from "../api/devices";
import { useRefusal } from "../api/permissions";
import { Card, Empty, Skeleton } from "../ui/card";
import { ago, counted, number, plural, words } from "../ui/format";
import { PresenceStatus, Status, updateTone } from "../ui/status";
import { useRowsInView } from "../ui/rows-in-view";
import { Facets } from "./facets";
import { FilterBox } from "./filter-box";
import { devicePath, devicesPath, withSearch } from "./paths";

export function Devices() {
  const filter = new URLSearchParams(useSearch()).get("filter") ?? "";
  const [, navigate] = useLocation();
  const devices = useDevices(filter);
  const notMine = useRefusal("operate_rollouts");
  const setFilter = (next: string) => navigate(devicesPath(next));
  const pages = devices.data?.pages ?? [];
  const items = pages.flatMap((page) => page.items);
  const total = pages[0]?.total;
  return (
    <>
      <div class="row between">
        <div class="row">
          <h1>Devices</h1>
          <span class="muted">{total === undefined ? "" : filter === "" ? `${counted(total)} ${total === 1 ? "device" : "devices"}` : `${counted(total)} ${total === 1 ? "matches" : "match"}`}</span>
        </div>
        {notMine === undefined && (
          <Link class="button" href={withSearch("/rollouts", { plan: "yes", filter })}>
            Plan a rollout for {filter === "" ? "all" : "these"}
          </Link>
        )}
      </div>
      <Replacements />
      <FilterBox filter={filter} error={devices.error} onChange={setFilter} />
      <div class="beside">
        <Facets filter={filter} devices={items} isListed={devices.data !== undefined && !devices.isPlaceholderData} onChange={setFilter} />
        <Card title={filter === "" ? "The whole fleet" : "Devices that match"} extra={<span class="muted small">{items.length > 0 && `${number(items.length)} of ${counted(total)} loaded`}</span>} flush>
          {devices.isPending ? (
            <Skeleton lines={12} />
          ) : devices.error && items.length === 0 ? (
            <Empty>Correct the filter above first.</Empty>
          ) : items.length === 0 ? (
            <Empty>{filter === "" ? <NoDevice /> : "No device matches."}</Empty>
          ) : (
            <DeviceTable devices={items} total={total ?? items.length} more={devices.hasNextPage && !devices.isFetchingNextPage ? () => void devices.fetchNextPage() : undefined} />
          )}
        </Card>
      </div>
    </>
  );
}

/** Boards that ask for the place of a device that may be anywhere in the list. */
function Replacements() {
  const asking = useReplacements().data?.items.filter((each) => each.state === "asking") ?? [];
  if (asking.length === 0) return null;
  return (
    <p class="row">
      <Status tone="warn" text={`${plural(asking.length, "board")} ${asking.length === 1 ? "asks" : "ask"} to take a device's place:`} />
      {asking.slice(0, MOST_NAMED).map(({ device_id }) => (
        <Link key={device_id} href={devicePath(device_id)}>
          {device_id}
        </Link>
      ))}
      {asking.length > MOST_NAMED && <span class="muted">and {number(asking.length - MOST_NAMED)} more</span>}
    </p>
  );
}

function NoDevice() {
  return (
    <>
      No device has enrolled yet. <code>argosy device claim</code> makes the claim that the first agent needs to enrol.
    </>
  );
}

const MOST_NAMED = 8;
const ROW_HEIGHT = 42;

function DeviceTable({ devices, total, more }: { devices: Device[]; total: number; more?: () => void }) {
  const { body, first, last } = useRowsInView(devices.length, ROW_HEIGHT);
  useEffect(() => {
    if (last >= devices.length - 20) more?.();
  }, [last, devices.length, more === undefined]);
  return (
    <div class="table-wrap">
      <table class="fixed" style="min-width: 820px" aria-rowcount={total + 1}>
        <colgroup>
          <col style="width: 15%" />
          <col style="width: 13%" />
          <col style="width: 14%" />
          <col style="width: 17%" />
          <col style="width: 14%" />
          <col style="width: 17%" />
          <col style="width: 10%" />
        </colgroup>
        <thead>
          <tr>
            <th>Device</th>
            <th>Presence</th>
            <th>Class</th>
            <th>Serving</th>
            <th>Update</th>
            <th>Warnings</th>
            <th class="num">Last seen</th>
          </tr>
        </thead>
        <tbody ref={body}>
          {first > 0 && <tr aria-hidden="true" style={{ height: first * ROW_HEIGHT }} />}
          {devices.slice(first, last).map((device, place) => (
            <DeviceRow key={device.id} device={device} index={first + place + 2} />
          ))}
          {last < devices.length && <tr aria-hidden="true" style={{ height: (devices.length - last) * ROW_HEIGHT }} />}
        </tbody>
      </table>
    </div>
  );
}

function DeviceRow({ device, index }: { device: Device; index: number }) {
  return (
    <tr aria-rowindex={index} style={{ height: ROW_HEIGHT }}>
      <td>
        <Link href={devicePath(device.id)}>
          <strong>{device.id}</strong>
        </Link>
      </td>
      <td>
        <PresenceStatus presence={device.presence} reason={device.presence_reason} />
      </td>
      <td>{device.hardware_class}</td>
      <td>{device.models.map((model) => `${model.model} ${model.version ?? "–"}`).join(", ") || "–"}</td>
      <td>
        <Updates device={device} />
      </td>
      <td>
        <Warnings device={device} />
      </td>
      <td class="num muted">{ago(device.last_seen_at)}</td>
    </tr>
  );
}

function Updates({ device }: { device: Device }) {
  const moving = device.models.filter((model) => !["idle", "committed"].includes(model.update_state));
  if (moving.length === 0) return <span class="muted">–</span>;
  return (
    <>
      {moving.map((model) => (
        <Status key={model.model} tone={updateTone(model.update_state)} text={`${words(model.update_state)} ${model.update_version ?? ""}`} />
      ))}
    </>
  );
}

function Warnings({ device }: { device: Device }) {
  if (device.revoked_at) return <Status tone="bad" text="Revoked" />;
  const isAskedFor = device.replacement?.state === "asking";
  if (device.open_alerts === 0 && device.drifted.length === 0 && !device.intermittent && !isAskedFor) return <span class="muted">–</span>;
  return (
    <span class="row" style="gap: 6px; flex-wrap: nowrap">
      {device.open_alerts > 0 && <Status tone="bad" text={plural(device.open_alerts, "alert")} />}
      {device.intermittent && <Status tone="warn" text="Intermittent" />}
      {isAskedFor && <Status tone="warn" text="Another board" title="Another board asks to take its place" />}
      {device.drifted.length > 0 && <Status tone="warn" text="Drift" title={`Drifted: ${device.drifted.join(", ")}`} />}
    </span>
  );
}
