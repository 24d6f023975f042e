// What the planned rollout would be, beside the form that plans it. Nothing is made of it.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "preact/hooks";
import { ApiError, call } from "../api/client";
import type { RolloutPreview as Preview } from "../api/rollouts";
import { bytes, percent, plural, words } from "../ui/format";
import { ReachList, canaryText } from "./reach";

const TYPING_MS = 400; // asked once nothing was typed for so long

/** `wanted` is the body that would create the rollout; null while something is missing. */
export function RolloutPreview({ wanted }: { wanted: object | null }) {
  const body = useSettled(wanted === null ? null : JSON.stringify(wanted));
  const preview = useQuery({
    queryKey: ["rollout-preview", body],
    queryFn: ({ signal }) => call<Preview>("/rollouts/preview", { method: "POST", body: JSON.parse(body!), signal }),
    enabled: body !== null,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 10_000,
  });
  if (body === null) return null;
  if (preview.error) return <p class="muted small">What it would be is not known: {preview.error instanceof ApiError ? preview.error.message : "the server cannot be reached."}</p>;
  if (!preview.data) return <p class="muted small">Looking at what it would be…</p>;
  return <Told preview={preview.data} />;
}

function useSettled(value: string | null): string | null {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Told({ preview }: { preview: Preview }) {
  const { download, reach } = preview;
  return (
    <section class="stack small" aria-label="What it would be" aria-live="polite">
      {preview.refused !== null && <p class="tone-text-bad">It would be refused: {preview.refused}.</p>}
      <ul class="plain">
        {preview.waves.map((wave, index) => (
          <li key={index}>
            Wave {index + 1}: {plural(wave.planned, "device")}
            {wave.planned > 0 && ` (${Object.entries(wave.classes).map(([name, count]) => `${count} ${name}`).join(", ")})`}
          </li>
        ))}
        {preview.variants.map((variant) => (
          <li key={variant.name}>
            Variant {variant.name}: suits {plural(variant.suits, "device")}
            {variant.takes < variant.suits && `, ${variant.takes} of them take it`}
            {variant.unsuited.length > 0 && (
              <ul>
                {variant.unsuited.map((each) => (
                  <li key={each.message}>
                    not {plural(each.devices, "device")}: {each.message}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
        <li>
          Downloads: {bytes(download.bytes)}, {plural(download.by_patch.devices, "device")} by patch and {plural(download.whole.devices, "device")} by whole file
          {download.full_bytes > 0 && download.by_patch.devices > 0 && ` (${percent(1 - download.bytes / download.full_bytes)} saved)`}
          {download.patches_to_make > 0 && `; for ${plural(download.patches_to_make, "device")} a patch may still be made`}.
        </li>
        {preview.away > 0 && <li>{plural(preview.away, "device is away now, and follows when it is seen", "devices are away now, and follow when they are seen")}.</li>}
        {preview.left_out.map((each) => (
          <li key={each.reason + each.message}>
            Left out: {plural(each.devices, "device")}, {words(each.reason).toLowerCase()}: {each.message}.
          </li>
        ))}
      </ul>
      {reach && (
        <>
          <p>{canaryText(reach)}</p>
          <ReachList reach={reach} />
        </>
      )}
    </section>
  );
}
