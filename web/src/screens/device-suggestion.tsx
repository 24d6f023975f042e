// What is not as it should be with a device itself, and what its own configuration suggests: for an operator to take, or
// to turn down.

import { call } from "../api/client";
import type { Device } from "../api/devices";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { Card } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { Facts, type Fact } from "../ui/facts";
import { Status } from "../ui/status";

export function DeviceConditions({ device }: { device: Device }) {
  const conditions = device.conditions ?? [];
  if (conditions.length === 0) return null;
  return (
    <Card title="Not as it should be">
      {conditions.map(({ kind, message }) => (
        <Status key={kind} tone="warn" text={message} />
      ))}
    </Card>
  );
}

export function DeviceSuggestion({ device }: { device: Device }) {
  const refusal = useRefusal("manage_devices");
  if (!device.suggested) return null;
  const settle = (take: boolean) => async () => {
    await call(`/devices/${encodeURIComponent(device.id)}/suggested`, { method: "POST", body: { take } });
    await queryClient.invalidateQueries({ queryKey: ["device", device.id] });
  };
  return (
    <Card title={device.suggested.because ? "Suggested" : "Its configuration suggests"}>
      <Facts facts={suggestionFacts(device)} />
      <div class="row">
        <Confirm
          label="Accept"
          title={`Accept what ${device.id} suggests?`}
          does="Its labels and its hardware class become what is suggested. Filters, rules and rollouts go by them."
          command={`argosy device accept-suggested ${device.id}`}
          refusal={refusal}
          act={settle(true)}
        />
        <Confirm
          label="Turn down"
          title={`Turn down what ${device.id} suggests?`}
          does="Its labels and its hardware class stay as they are, until something else is suggested."
          command={`argosy device turn-down-suggested ${device.id}`}
          refusal={refusal}
          act={settle(false)}
        />
      </div>
    </Card>
  );
}

function suggestionFacts({ suggested, hardware_class, labels }: Device): Fact[] {
  const facts: Fact[] = [];
  if (suggested?.hardware_class) facts.push(["Hardware class", `${suggested.hardware_class}, now ${hardware_class}`]);
  if (suggested?.because) facts.push(["Because", suggested.because]);
  for (const [key, value] of Object.entries(suggested?.labels ?? {}))
    facts.push([key, `${value ?? "no such label"}, now ${labels[key] ?? "none"}`]);
  return facts;
}
