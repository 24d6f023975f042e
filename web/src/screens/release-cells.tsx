// What the rows of releases and of drafts have in common: their variants, and what devices ask of them.

import type { Release } from "../api/models";
import { bytes, percent, words } from "../ui/format";

export function Variants({ variants }: { variants: Release["variants"] }) {
  return (
    <ul class="plain">
      {variants.map((variant) => (
        <li key={variant.name} title={variant.digest}>
          {variant.name}{" "}
          <span class="muted small">
            {variant.format}
            {variant.onnx && ` of opset ${variant.onnx.opset}`}, {bytes(variant.size)}, for {selector(variant.selector)}
            {variant.compact && `, compact at ${variant.compact.bits ?? "?"} bits`}
          </span>
          {variant.parts.length > 0 && (
            <ul class="plain small muted" aria-label={`Files beside ${variant.name}`}>
              {variant.parts.map((part) => (
                <li key={part.name} title={part.digest}>
                  {part.name}, {bytes(part.size)}
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  );
}

// What devices ask of the release: "Accuracy ≥ 94 %, loses ≤ 1 %". Shares are those whose higher values are better.
export function asked(validation: NonNullable<Release["validation"]>): string {
  if (validation.metric === "none") return "Loads, and its outputs are finite";
  const isShare = validation.direction === "higher" && validation.threshold <= 1;
  const show = (value: number) => (isShare ? percent(value, 0) : String(value));
  const loss = validation.max_loss;
  return (
    `${words(validation.metric)} ${validation.direction === "higher" ? "≥" : "≤"} ${show(validation.threshold)}` +
    (typeof loss === "number" ? `, loses ≤ ${isShare ? percent(loss, 1) : loss}` : "")
  );
}

type Values = Release["variants"][number]["selector"];

function selector(values: Values): string {
  const shown = ([key, value]: [string, Values[string]]) => {
    if (key === "min_memory_mb") return `${value} MB or more`;
    if (Array.isArray(value)) return `${key} with ${value.join(" and ")}`;
    return /^[=<>!~]/.test(String(value)) ? `${key} ${value}` : String(value);
  };
  const parts = Object.entries(values).map(shown);
  return parts.length === 0 ? "any device" : parts.join(", ");
}
