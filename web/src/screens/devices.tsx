// The list of devices: the filter is the address, the total is exact, pages come as one scrolls on.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { useDevices } from "../api/queries";
import type { Device } from "../api/types";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, number, plural, words } from "../ui/format";
import { PresenceStatus, Status, updateTone } from "../ui/status";
import { withTerm } from "./filter";

const FACETS = [
  ["Online", 'presence = "online"'],
  ["Late", 'presence = "late"'],
  ["Offline", 'presence = "offline"'],
  ["Never seen", 'presence = "never_seen"'],
] as const;

export function Devices() {
  const filter = new URLSearchParams(useSearch()).get("filter") ?? "";
  const [, navigate] = useLocation();
  const devices = useDevices(filter);
  const setFilter = (next: string) => navigate(next === "" ? "/devices" : `/devices?filter=${encodeURIComponent(next)}`);
  const pages = devices.data?.pages ?? [];
  const items = pages.flatMap((page) => page.items);
  const total = pages[0]?.total;
  return (
    <>
      <div class="row between">
        <h1>Devices</h1>
        <span class="muted">{total === undefined ? "" : plural(total, "device")}</span>
      </div>
      <FilterBox filter={filter} onChange={setFilter} />
      {devices.error && <Failure error={devices.error} />}
      <Card title={filter === "" ? "The whole fleet" : "Devices that match"} flush>
        {devices.isPending ? (
          <Skeleton lines={10} />
        ) : items.length === 0 ? (
          <Empty>{filter === "" ? "No device has enrolled yet. `argosy device claim` makes a token for the first." : "No device matches."}</Empty>
        ) : (
          <DeviceTable devices={items} />
        )}
      </Card>
      {devices.hasNextPage && (
        <div class="row">
          <button class="button" type="button" disabled={devices.isFetchingNextPage} onClick={() => void devices.fetchNextPage()}>
            Show more
          </button>
          <span class="muted">
            {number(items.length)} of {number(total)} shown
          </span>
        </div>
      )}
    </>
  );
}

function FilterBox({ filter, onChange }: { filter: string; onChange: (next: string) => void }) {
  const text = useSignal(filter);
  useEffect(() => {
    text.value = filter;
  }, [filter]);
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.value.trim());
      }}
    >
      <div class="row" style="flex-wrap: nowrap">
        <label style="flex: 1">
          <span class="visually-hidden">Filter</span>
          <input
            class="input mono"
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
            placeholder={'hardware_class = "cpu-int8" AND model.digits != "1.1"'}
            maxLength={2000}
            spellcheck={false}
          />
        </label>
        <button class="button primary">Filter</button>
        <button class="button" type="button" disabled={filter === ""} onClick={() => onChange("")}>
          Clear
        </button>
      </div>
      <div class="row" role="group" aria-label="Quick filters">
        {FACETS.map(([label, term]) => (
          <button key={label} class="button" type="button" aria-pressed={filter.includes(term)} onClick={() => onChange(withTerm(filter, "presence", term))}>
            {label}
          </button>
        ))}
      </div>
    </form>
  );
}

function DeviceTable({ devices }: { devices: Device[] }) {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>Device</th>
            <th>Presence</th>
            <th>Class</th>
            <th>Serving</th>
            <th>Update</th>
            <th>Signs</th>
            <th class="num">Last seen</th>
          </tr>
        </thead>
        <tbody>
          {devices.map((device) => (
            <tr key={device.id}>
              <td class="nowrap">
                <Link href={`/devices/${encodeURIComponent(device.id)}`}>
                  <strong>{device.id}</strong>
                </Link>
              </td>
              <td>
                <PresenceStatus presence={device.presence} reason={device.presence_reason} />
              </td>
              <td class="nowrap">{device.hardware_class}</td>
              <td class="nowrap">{device.models.map((model) => `${model.model} ${model.version ?? "–"}`).join(", ") || "–"}</td>
              <td>
                <Updates device={device} />
              </td>
              <td>
                <Signs device={device} />
              </td>
              <td class="num muted">{ago(device.last_seen_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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

function Signs({ device }: { device: Device }) {
  if (device.open_alerts === 0 && device.drifted.length === 0) return <span class="muted">–</span>;
  return (
    <span class="row" style="gap: 6px">
      {device.open_alerts > 0 && <Status tone="bad" text={plural(device.open_alerts, "alert")} />}
      {device.drifted.length > 0 && <Status tone="warn" text={`Drift: ${device.drifted.join(", ")}`} />}
    </span>
  );
}
