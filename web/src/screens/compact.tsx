// Compact releases: what `argosy release compact` reports about the files that it made.

import type { Compact, Release } from "../api/models";
import { Card } from "../ui/card";
import { type Fact, Facts } from "../ui/facts";
import { bytes, number, percent, plural, words } from "../ui/format";
import { Status } from "../ui/status";
import { compactSentence, share } from "./compact-text";

export function CompactReports({ releases }: { releases: Release[] }) {
  const made = releases.flatMap((release) => release.variants.flatMap(({ name, compact }) => (compact ? [{ version: release.version, name, compact }] : [])));
  return (
    <>
      {made.map(({ version, name, compact }) => (
        <Report key={`${version} ${name}`} version={version} name={name} compact={compact} />
      ))}
    </>
  );
}

function Report({ version, name, compact }: { version: string; name: string; compact: Compact }) {
  const settings = compact.settings ?? [];
  return (
    <Card title={`Compact release ${version}, ${name}`} flush>
      <div class="body stack">
        <p>
          <strong>{compactSentence(compact)}</strong>
        </p>
        <Outcome compact={compact} />
      </div>
      {settings.length > 0 && (
        <div class="table-wrap">
          <table>
            <caption class="visually-hidden">The settings that were tried for {version}</caption>
            <thead>
              <tr>
                <th class="num">Bits</th>
                <th class="num">Patch</th>
                <th class="num">Of the file</th>
                <th class="num">Same predictions</th>
                <th class="num">Largest difference</th>
                <th>Within the tolerance</th>
              </tr>
            </thead>
            <tbody>
              {settings.map((setting) => (
                <tr key={setting.bits}>
                  <td class="num">{setting.bits === compact.bits ? <strong>{setting.bits}, published</strong> : setting.bits}</td>
                  <td class="num">{bytes(setting.patch_bytes)}</td>
                  <td class="num">{percent(share(setting.patch_bytes, compact.full_bytes))}</td>
                  <td class="num">{percent(setting.agreement, 2)}</td>
                  <td class="num">{number(setting.max_difference, 4)}</td>
                  <td>
                    <Status tone={setting.accepted ? "good" : "warn"} text={setting.accepted ? "Yes" : "No"} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Outcome({ compact }: { compact: Compact }) {
  const facts: Fact[] = [
    ["Patch from the base", `${bytes(compact.patch_bytes)} of ${bytes(compact.full_bytes)}`],
    ["An exact patch", `${bytes(compact.exact_patch_bytes)}, ${percent(share(compact.exact_patch_bytes, compact.full_bytes))}`],
    ["Compared on", typeof compact.samples !== "number" ? "–" : plural(compact.samples, "sample")],
    ["Bits", compact.automatic ? "the fewest within the tolerance" : "chosen by the publisher"],
  ];
  if (compact.base_version) facts.unshift(["Base", compact.base_version]);
  const { metric } = compact;
  if (metric) facts.push([words(metric.name), `${number(metric.compact, 4)}, exact ${number(metric.exact, 4)}`]);
  return <Facts facts={facts} />;
}
