// Text to take along: a command, or a secret that is shown once.

import { useSignal } from "@preact/signals";

export function Copy({ text }: { text: string }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    copied.value = true;
  };
  return (
    <div class="command">
      <code style="overflow-wrap: anywhere">{text}</code>
      <button class="button plain small" type="button" onClick={() => void copy()}>
        {copied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
