// Models: their releases, the variants in them, where they run, and what patches save between them.

import { Link } from "wouter-preact";
import { useDrafts, useModels, useReleases, type Model, type Release } from "../api/models";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, person, plural } from "../ui/format";
import { Status } from "../ui/status";
import { AccuracyCard } from "./accuracy-card";
import { CompactReports } from "./compact";
import { DraftRow } from "./draft-row";
import { Patches } from "./patches";
import { devicesPath } from "./paths";
import { ReleaseActions } from "./release-actions";
import { asked, Variants } from "./release-cells";
import { withdrawnText } from "./release-text";

export function Models({ name }: { name?: string }) {
  const models = useModels();
  if (models.isPending) return <Skeleton lines={8} />;
  if (!models.data) return <Failure error={models.error} retry={() => void models.refetch()} />;
  const items = models.data.items;
  const chosen = name === undefined ? items[0] : items.find((model) => model.name === name);
  return (
    <>
      <div class="row">
        <h1>Models</h1>
        <span class="muted">{plural(items.length, "model")}</span>
      </div>
      {items.length === 0 && (
        <Card title="None yet">
          <code>argosy release publish</code> uploads the first.
        </Card>
      )}
      {items.length > 1 && (
        <nav class="row" aria-label="Models">
          {items.map((model) => (
            <Link key={model.name} class="button" href={`/models/${encodeURIComponent(model.name)}`} aria-current={model.name === chosen?.name ? "page" : undefined}>
              {model.name}
            </Link>
          ))}
        </nav>
      )}
      {items.length > 0 && !chosen && <Card title={name ?? ""}>There is no model with this name.</Card>}
      {chosen && <OneModel model={chosen} />}
    </>
  );
}

function OneModel({ model }: { model: Model }) {
  const releases = useReleases(model.name);
  const items = releases.data?.items ?? [];
  const drafts = useDrafts(model.name).data?.items ?? [];
  return (
    <>
      <Card title={model.name} extra={<span class="muted small">{model.description}</span>} flush>
        {releases.isPending ? (
          <Skeleton lines={6} />
        ) : releases.error ? (
          <Failure error={releases.error} />
        ) : items.length + drafts.length === 0 ? (
          <Empty>It has no release yet.</Empty>
        ) : (
          <div class="table-wrap">
            <table class="top">
              <thead>
                <tr>
                  <th>Release</th>
                  <th>Runs on</th>
                  <th>Variants</th>
                  <th>Validated on the device</th>
                  <th>Published</th>
                </tr>
              </thead>
              <tbody>
                {drafts.map((draft) => (
                  <DraftRow key={`draft ${draft.version}`} draft={draft} />
                ))}
                {items.map((release) => (
                  <ReleaseRow key={release.version} release={release} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      <AccuracyCard model={model.name} first={model.latest_version ?? undefined} />
      {!releases.isPending && <Patches model={model.name} releases={items} />}
      <CompactReports releases={items} />
    </>
  );
}

function ReleaseRow({ release }: { release: Release }) {
  const devices = release.running.reduce((sum, each) => sum + each.devices, 0);
  const { validation } = release;
  return (
    <tr>
      <td class="wide-text">
        <strong>{release.version}</strong>
        <div class="muted small">{release.notes}</div>
        {release.withdrawn && (
          <div class="small">
            <Status tone="bad" text="Withdrawn" /> {ago(release.withdrawn.at)} {withdrawnText(release.withdrawn)}
          </div>
        )}
        <ReleaseActions release={release} />
      </td>
      <td class="nowrap">{devices === 0 ? <span class="muted">no device</span> : <Link href={devicesPath(`model.${release.model} = "${release.version}"`)}>{plural(devices, "device")}</Link>}</td>
      <td>
        <Variants variants={release.variants} />
      </td>
      <td class="nowrap">{validation ? asked(validation) : <span class="muted">no</span>}</td>
      <td class="nowrap muted">
        {ago(release.published_at)} by {person(release.created_by)}
        {release.signature && ", signed"}
      </td>
    </tr>
  );
}
