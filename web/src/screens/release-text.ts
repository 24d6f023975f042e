// What withdrawing and recalling came to, and what a device of a rollout waits for, in words. Pure.

import type { Release } from "../api/models";
import type { Recall, RolloutDevice } from "../api/rollouts";
import { clock, person, plural } from "../ui/format";

export function withdrawnText(withdrawn: NonNullable<Release["withdrawn"]>): string {
  return `by ${person(withdrawn.by)}: ${withdrawn.reason}`;
}

/** One sentence for where it runs, one for each rollout, one for devices that keep it. */
export function recallSentences(answer: Recall): string[] {
  const sentences = [`${answer.model} ${answer.version} runs on ${plural(answer.running.devices, "device")}.`];
  for (const rollout of answer.rollouts) {
    const back = rollout.going_back > 0 ? `; ${plural(rollout.going_back, "device goes", "devices go")} back` : "";
    sentences.push(`Rollout ${rollout.id}, “${rollout.name}”: ${rollout.did}${back}.`);
  }
  const helpless = answer.helpless?.devices ?? 0;
  if (helpless > 0) {
    const named = answer.helpless!.first;
    const more = helpless > named.length ? " and others" : "";
    sentences.push(`${plural(helpless, "device keeps", "devices keep")} it, having no release to go back to: ${named.join(", ")}${more}.`);
  }
  return sentences;
}

/** What a device of a rollout waits for; undefined when for nothing. */
export function waitText(device: Pick<RolloutDevice, "resting_until" | "retry_at">): string | undefined {
  if (device.resting_until) return `failed again and again: rests until ${clock(device.resting_until)}`;
  if (device.retry_at) return `tries again at ${clock(device.retry_at)}`;
  return undefined;
}
