// All rollouts, newest first.

import { Link } from "wouter-preact";
import { useRollouts, type Rollout } from "../api/rollouts";
import { RolloutBar } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, plural } from "../ui/format";
import { RolloutStatus } from "../ui/status";
import { PlanRollout } from "./plan-rollout";

export function Rollouts() {
  const rollouts = useRollouts();
  const items = rollouts.data?.items ?? [];
  return (
    <>
      <div class="row between">
        <h1>Rollouts</h1>
        <PlanRollout />
      </div>
      {rollouts.error && <Failure error={rollouts.error} retry={() => void rollouts.refetch()} />}
      <Card title="Newest first" extra={<span class="muted small">{rollouts.data?.total !== undefined && plural(rollouts.data.total, "rollout")}</span>} flush>
        {rollouts.isPending ? (
          <Skeleton lines={6} />
        ) : items.length === 0 ? (
          <Empty>
            None yet. Publish a release with <code>argosy release publish</code>, then plan its rollout.
          </Empty>
        ) : (
          <RolloutTable rollouts={items} />
        )}
      </Card>
    </>
  );
}

function RolloutTable({ rollouts }: { rollouts: Rollout[] }) {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th class="num">Number</th>
            <th>Name</th>
            <th>Release</th>
            <th>State</th>
            <th style="width: 30%">Devices</th>
            <th>Why</th>
            <th class="num">Planned</th>
          </tr>
        </thead>
        <tbody>
          {rollouts.map((rollout) => (
            <tr key={rollout.id}>
              <td class="num muted">{rollout.id}</td>
              <td class="nowrap">
                <Link href={`/rollouts/${rollout.id}`}>
                  <strong>{rollout.name}</strong>
                </Link>
              </td>
              <td class="nowrap">
                {rollout.model} {rollout.version}
              </td>
              <td>
                <RolloutStatus state={rollout.state} />
                {rollout.stands_since && <div class="muted small">stands</div>}
              </td>
              <td style="min-width: 260px">
                <RolloutBar counts={rollout.counts} what={`Devices of ${rollout.name}`} />
              </td>
              <td class="small">{rollout.fault || rollout.reason || "–"}</td>
              <td class="num muted">{ago(rollout.created_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
