// Addresses of screens. Pure.

export function devicePath(id: string): string {
  return `/devices/${encodeURIComponent(id)}`;
}

export function devicesPath(filter: string): string {
  return filter === "" ? "/devices" : `/devices?filter=${encodeURIComponent(filter)}`;
}

/** `path` with the values that are set behind its question mark. */
export function withSearch(path: string, values: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== "") search.set(key, String(value));
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}
