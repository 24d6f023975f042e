// What a compact release comes to, in one sentence. Pure.

import type { Compact } from "../api/models";
import { percent } from "../ui/format";

export function share(part: number | null | undefined, whole: number | null | undefined): number | undefined {
  return typeof part !== "number" || !whole ? undefined : part / whole;
}

/** "Compact at 4 bits: patch 11.2 % of the file, 99.8 % equal predictions". */
export function compactSentence(compact: Compact): string {
  const parts: string[] = [];
  const patch = share(compact.patch_bytes, compact.full_bytes);
  if (patch !== undefined) parts.push(`patch ${percent(patch)} of the file`);
  if (typeof compact.agreement === "number") parts.push(`${percent(compact.agreement)} equal predictions`);
  const title = typeof compact.bits !== "number" ? "Compact" : `Compact at ${compact.bits} bits`;
  return parts.length === 0 ? title : `${title}: ${parts.join(", ")}`;
}
