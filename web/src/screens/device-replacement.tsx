// Another board that asks to take the place of a device: for an operator to let in, or to turn down.

import { call } from "../api/client";
import type { Device, Replacement } from "../api/devices";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { Card } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { Facts, type Fact } from "../ui/facts";
import { ago } from "../ui/format";
import { Status } from "../ui/status";

export function DeviceReplacement({ device }: { device: Device }) {
  const refusal = useRefusal("manage_devices");
  const { replacement } = device;
  if (!replacement) return null;
  const settle = (take: boolean) => async () => {
    await call(`/devices/${encodeURIComponent(device.id)}/replacement`, { method: "POST", body: { key: replacement.key, take } });
    await queryClient.invalidateQueries({ queryKey: ["device", device.id] });
  };
  return (
    <Card title={TITLES[replacement.state](device.id)}>
      <div class="stack">
        {replacement.state !== "turned_down" && isThere(device) && (
          <Status tone="warn" text={`${device.id} itself is ${device.presence}: whoever asks is another board`} />
        )}
        <Facts facts={factsOf(replacement)} />
        <div class="row">
          {replacement.state !== "accepted" && (
            <Confirm
              label="Let it in"
              title={`Let another board be ${device.id}?`}
              does={`That board enrols as ${device.id}, once and within a day, with its labels and what its peers run. The board that is ${device.id} now is locked out for good when it does.`}
              command={`argosy device replace ${device.id}`}
              tone={isThere(device) ? "danger" : "primary"}
              refusal={refusal}
              act={settle(true)}
            />
          )}
          {replacement.state !== "turned_down" && (
            <Confirm
              label="Do not let it in"
              title={`Turn down the board that asks to be ${device.id}?`}
              does={`Nothing changes for ${device.id}, and that board is refused. If you do not know who asks, revoke claim ${replacement.claim}.`}
              command={`argosy device replace ${device.id} --turn-down`}
              refusal={refusal}
              act={settle(false)}
            />
          )}
        </div>
      </div>
    </Card>
  );
}

const TITLES: Record<Replacement["state"], (id: string) => string> = {
  asking: (id) => `Another board asks to be ${id}`,
  accepted: (id) => `Another board may come as ${id}`,
  turned_down: (id) => `Another board was turned down as ${id}`,
};

function isThere({ presence }: Device): boolean {
  return presence === "online" || presence === "late";
}

function factsOf(replacement: Replacement): Fact[] {
  const facts: Fact[] = [
    ["Board", replacement.board ?? "It does not say"],
    ["Hardware class", replacement.hardware_class],
    ["From", replacement.address],
    ["With claim", String(replacement.claim)],
    ["Key", replacement.key.slice(0, 12)],
    ["Asks since", ago(replacement.asked_at)],
    ["Asked last", ago(replacement.last_asked_at)],
  ];
  if (replacement.settled_by) facts.push(["Settled", `by ${replacement.settled_by}, ${ago(replacement.settled_at)}`]);
  return facts;
}
