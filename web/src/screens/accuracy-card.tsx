// How right a model's versions are in the field, and what became of the labels that a device was told.

import { useLabelStatus } from "../api/labels";
import { useFieldAccuracy } from "../api/telemetry";
import { Card } from "../ui/card";
import { Facts } from "../ui/facts";
import { accuracyRows, toldLabels } from "./field-accuracy";

const DAYS = 7;

/** `first`: the version that the screen is about. */
export function AccuracyCard({ model, first }: { model: string; first?: string }) {
  const accuracy = useFieldAccuracy(model, DAYS * 86_400).data;
  const rows = accuracy ? accuracyRows(accuracy, first) : [];
  if (rows.length === 0) return null;
  return (
    <Card title="Accuracy in the field" extra={<span class="muted small">the last {DAYS} days, 95 % interval</span>} flush>
      <div class="table-wrap">
        <table>
          <thead>
            <tr>
              <th>Version</th>
              <th>Kind</th>
              <th class="num">Accuracy</th>
              <th>From</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.version} ${row.kind}`}>
                <td>{row.version === first ? <strong>{row.version}</strong> : row.version}</td>
                <td>{row.kind}</td>
                <td class="num nowrap">
                  {row.value} <span class="muted small">({row.interval})</span>
                </td>
                <td class="muted">{row.from}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

/** Labels that people and other systems told of one device; nothing where none were. */
export function ToldLabels({ device }: { device: string }) {
  const status = useLabelStatus(device).data;
  const lines = status ? toldLabels(status) : [];
  if (!status || lines.length === 0) return null;
  return (
    <Card title="Labels told by people and other systems" extra={status.takes_labels === false && <span class="muted small">its agent takes none: update it</span>}>
      <Facts facts={lines} />
    </Card>
  );
}
