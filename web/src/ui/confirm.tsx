// A button that asks before it acts, says what will happen, and how to do the same from a terminal. When it may not be
// pressed, it says why.

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { useAttempt } from "./attempt";
import { Failure } from "./card";
import { Copy } from "./copy";

interface ConfirmProps {
  label: string;
  title: string;
  does: string;
  command?: string; // the same from a terminal
  tone?: "primary" | "danger" | "";
  refusal?: string; // why it may not be pressed
  act: () => Promise<void>;
  children?: ComponentChildren; // what else it asks
}

export function Confirm({ label, title, does, command, tone = "", refusal, act, children }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { busy, failure, run } = useAttempt();
  const why = useId();
  const go = async () => {
    await act();
    dialog.current?.close();
  };
  return (
    <>
      <button
        type="button"
        class={`button ${tone}`}
        disabled={refusal !== undefined}
        title={refusal ?? does}
        onClick={() => {
          failure.value = null;
          dialog.current?.showModal();
        }}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={why}>
        <div class="stack">
          <h2 id={why}>{title}</h2>
          <p>{does}</p>
          {children}
          {command && <Copy text={command} />}
          {failure.value !== null && <Failure error={failure.value} />}
          <div class="row">
            <button class={`button ${tone || "primary"}`} type="button" disabled={busy.value} onClick={() => void run(go)}>
              {label}
            </button>
            <button class="button" type="button" autofocus onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </div>
      </dialog>
    </>
  );
}
