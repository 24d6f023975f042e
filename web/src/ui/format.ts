// Numbers and times as people read them. Pure.

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? scaled.toFixed(0) : scaled.toFixed(1)} ${units[unit]}`;
}

export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined || Number.isNaN(share) ? "–" : `${(share * 100).toFixed(digits)} %`;
}

export function number(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value < 10 ? `${value.toFixed(2)} ms` : value < 100 ? `${value.toFixed(1)} ms` : `${value.toFixed(0)} ms`;
}

/** "12 s", "3 min", "5 h", "9 d": how long `ms` is, in its largest whole unit. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

export function ago(at: string | null | undefined, now = Date.now()): string {
  if (!at) return "never";
  return `${span(now - Date.parse(at))} ago`;
}

/** A span of seconds as people set it: "90 s", "5 min", "2 h". */
export function duration(seconds: number): string {
  if (seconds % 86400 === 0 && seconds > 0) return `${seconds / 86400} d`;
  if (seconds % 3600 === 0 && seconds > 0) return `${seconds / 3600} h`;
  if (seconds % 60 === 0 && seconds > 60) return `${seconds / 60} min`;
  return `${seconds} s`;
}

/** The first sentence and what follows it. */
export function firstSentence(text: string): [string, string] {
  const end = /\.\s/.exec(text);
  return end ? [text.slice(0, end.index + 1), text.slice(end.index + 2)] : [text, ""];
}

/** "user:ada" -> "ada". */
export function person(actor: string): string {
  return actor.replace(/^user:/, "");
}

export function clock(at: string | null | undefined): string {
  if (!at) return "–";
  return new Date(at).toLocaleString("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" }).replace(",", "");
}

export function day(at: string | null | undefined): string {
  if (!at) return "–";
  return new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** "probation_rolled_back" -> "Probation rolled back". */
export function words(identifier: string): string {
  const text = identifier.replaceAll(/[_.-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function shortDigest(digest: string | null | undefined): string {
  return digest ? digest.slice(0, 12) : "–";
}

/** The server counts what matches a mixed filter no further than this. */
const COUNTED_UP_TO = 10_000;

/** A total of a list: "10,000+" when the server stopped counting. */
export function counted(total: number | undefined): string {
  return total === COUNTED_UP_TO ? `${number(total)}+` : number(total);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}
