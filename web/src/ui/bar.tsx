// Bars of parts with their legends: what devices do in a rollout, which versions they serve.

import { number, plural } from "./format";
import { PART_COLOURS, partsOf } from "./parts";

interface Piece {
  label: string;
  count: number;
  colour: string;
}

export function PartsBar({ pieces, what, legend = true }: { pieces: Piece[]; what: string; legend?: boolean }) {
  const total = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const described = pieces.map((piece) => `${piece.label} ${piece.count}`).join(", ");
  return (
    <div class="stack" style="gap: 6px">
      <div class="parts" role="img" aria-label={`${what}: ${total === 0 ? "nothing yet" : described}`}>
        {pieces.map((piece) => (
          <span key={piece.label} style={{ flexGrow: piece.count, background: piece.colour }} title={`${piece.label}: ${number(piece.count)}`} />
        ))}
      </div>
      {legend && (
        <ul class="legend">
          {pieces.map((piece) => (
            <li key={piece.label}>
              <i style={{ background: piece.colour }} aria-hidden="true" />
              {piece.label} <strong>{number(piece.count)}</strong>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

export function RolloutBar({ counts, planned, what, legend }: { counts: Record<string, number>; planned?: number; what: string; legend?: boolean }) {
  const pieces = partsOf(counts, planned).map((part) => ({ label: part.label, count: part.count, colour: PART_COLOURS[part.kind] }));
  return <PartsBar pieces={pieces} what={what} legend={legend} />;
}

/** A share as a thin bar; the number stands beside it. */
export function Meter({ share, colour = "var(--accent)" }: { share: number; colour?: string }) {
  return (
    <span class="meter" aria-hidden="true">
      <span style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%`, background: colour }} />
    </span>
  );
}

const VERSION_COLOURS = ["var(--accent)", "var(--series-2)", "var(--series-3)", "var(--series-4)", "var(--quiet)"];

export function VersionBar({ model, versions }: { model: string; versions: { version: string | null; devices: number }[] }) {
  const pieces = versions.map((entry, index) => ({
    label: entry.version ?? "none yet",
    count: entry.devices,
    colour: entry.version === null ? "var(--line-strong)" : (VERSION_COLOURS[index % VERSION_COLOURS.length] ?? "var(--quiet)"),
  }));
  const total = pieces.reduce((sum, piece) => sum + piece.count, 0);
  return (
    <div class="stack" style="gap: 6px">
      <div class="row between">
        <strong>{model}</strong>
        <span class="muted small">{plural(total, "device")}</span>
      </div>
      <PartsBar pieces={pieces} what={`Versions of ${model}`} />
    </div>
  );
}
