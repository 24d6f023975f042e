// The rollout that the planning form asks for. Pure.

/** `form` has version, name, canary (percent of the devices), bake (minutes) and manual. */
export function plannedRollout(form: FormData, model: string, filter: string) {
  const version = String(form.get("version"));
  const canary = Number(form.get("canary")) / 100;
  return {
    name: String(form.get("name")) || `${model} ${version}`,
    model,
    version,
    filter,
    policy: {
      waves: canary >= 1 ? [{ share: 1 }] : [{ share: canary }, { share: 1 }],
      gate: { bake_s: Math.round(Number(form.get("bake")) * 60), manual: form.get("manual") !== null },
    },
  };
}
