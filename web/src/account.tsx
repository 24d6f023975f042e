// Behind one's own name: another password, and the end of every session.

import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import type { Me } from "./api/access";
import { ApiError, call } from "./api/client";
import { queryClient } from "./api/query-client";
import { useAttempt } from "./ui/attempt";
import { Failure } from "./ui/card";

const SHORTEST_PASSWORD = 12;

/** A session that has ended already is left, too. */
export async function leave(path: "/logout" | "/me/sessions") {
  try {
    await call(path, path === "/logout" ? { method: "POST", body: {} } : { method: "DELETE" });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
  queryClient.clear();
  location.assign("/");
}

export function Account({ me }: { me: Me }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { busy, failure, run } = useAttempt();
  const changed = useSignal(false);
  const title = useId();
  const change = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    const current = String(values.get("current"));
    await run(async () => {
      await call("/me/password", { method: "PUT", body: { password: values.get("password"), ...(current ? { current } : {}) } });
      changed.value = true;
      form.reset();
    });
  };
  const open = () => {
    failure.value = null;
    changed.value = false;
    dialog.current?.showModal();
  };
  return (
    <>
      <button class="button plain" type="button" title={`Your account; role: ${me.user.role}`} onClick={open}>
        {me.user.name}
      </button>
      <dialog ref={dialog} aria-labelledby={title}>
        <form class="stack" onSubmit={(event) => void change(event)}>
          <h2 id={title}>Your account</h2>
          <label class="field">
            Current password (leave empty if you have none)
            <input class="input" name="current" type="password" autocomplete="current-password" />
          </label>
          <label class="field">
            New password, at least {SHORTEST_PASSWORD} characters
            <input class="input" name="password" type="password" autocomplete="new-password" minLength={SHORTEST_PASSWORD} required />
          </label>
          {changed.value && <p role="status">The password was changed, and your other sessions have ended.</p>}
          {failure.value !== null && <Failure error={failure.value} />}
          <div class="row">
            <button class="button primary" disabled={busy.value}>
              Change the password
            </button>
            <button class="button danger" type="button" disabled={busy.value} title="Ends all your sessions, this one too, and your unused links" onClick={() => void run(() => leave("/me/sessions"))}>
              Sign out everywhere
            </button>
            <button class="button" type="button" onClick={() => dialog.current?.close()}>
              Close
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
