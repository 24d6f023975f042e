// What the live stream should watch for a screen. Pure.

export function scopeOf(path: string): string {
  const [, place, id] = path.split("/");
  if (place === "devices" && id) return `device:${decodeURIComponent(id)}`;
  if (place === "rollouts" && id) return `rollout:${id}`;
  return "overview";
}
