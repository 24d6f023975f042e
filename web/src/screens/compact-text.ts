// What a compact release comes to, in one sentence. Pure.

import type { Compact } from "../api/types";
import { percent } from "../ui/format";

export function share(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || !whole ? undefined : part / whole;
}

/** "Compact at 4 bits: patch 11.2 % of the file, 99.8 % equal predictions". */
export function compactSentence(compact: Compact): string {
  const parts: string[] = [];
  const patch = share(compact.patch_bytes, compact.full_bytes);
  if (patch !== undefined) parts.push(`patch ${percent(patch)} of the file`);
  if (compact.agreement !== undefined) parts.push(`${percent(compact.agreement)} equal predictions`);
  const title = compact.bits === undefined ? "Compact" : `Compact at ${compact.bits} bits`;
  return parts.length === 0 ? title : `${title}: ${parts.join(", ")}`;
}
