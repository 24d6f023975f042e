// Signing in: by name and password, or once by the link that the server printed.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { useLocation } from "wouter-preact";
import type { Me } from "../api/access";
import { call, setCsrfToken } from "../api/client";
import { queryClient } from "../api/query-client";
import { useAttempt } from "../ui/attempt";
import { Failure } from "../ui/card";
import { Sail } from "../ui/sail";

function Gate({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main class="gate">
      <section class="card">
        <div class="stack">
          <p class="brand">
            <Sail />
            Argosy
          </p>
          <h1>{title}</h1>
          {children}
        </div>
      </section>
    </main>
  );
}

function enter(me: Me) {
  setCsrfToken(me.csrf);
  queryClient.setQueryData(["me"], me);
}

export function SignIn({ onDone }: { onDone?: () => void }) {
  const { busy, failure, run } = useAttempt();
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    await run(async () => {
      enter(await call<Me>("/login", { method: "POST", body: { name: form.get("name"), password: form.get("password") } }));
      onDone?.();
    });
  };
  return (
    <Gate title="Sign in">
      <form class="stack" onSubmit={(event) => void send(event)}>
        <label class="field">
          Name
          <input class="input" name="name" autocomplete="username" required autofocus />
        </label>
        <label class="field">
          Password
          <input class="input" name="password" type="password" autocomplete="current-password" required />
        </label>
        {failure.value !== null && <Failure error={failure.value} />}
        <button class="button primary wide" disabled={busy.value}>
          Sign in
        </button>
      </form>
      <p class="muted small">
        The first time, use the one-time link that <code>argosyd --admin-link</code> prints.
      </p>
    </Gate>
  );
}

/** The one-time link: its token is behind the #, so that it reaches neither logs nor the history. */
export function LinkEntry() {
  const [, navigate] = useLocation();
  const token = useSignal(new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
  const inside = useSignal<Me | null>(null);
  const { busy, failure, run } = useAttempt();
  useEffect(() => history.replaceState(null, "", "/login"), []);
  const send = (password: string | undefined) =>
    run(async () => {
      const me = await call<Me>("/login/link", { method: "POST", body: { token: token.value, password } });
      enter(me);
      inside.value = me;
    });
  if (inside.value) return <Welcome name={inside.value.user.name} onDone={() => navigate("/", { replace: true })} />;
  if (token.value === "") return <SignIn onDone={() => navigate("/", { replace: true })} />;
  return (
    <Gate title="Welcome aboard">
      <p>This link works once. Choose a password for the next time.</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void send(String(new FormData(event.target as HTMLFormElement).get("password")));
        }}
      >
        <label class="field">
          New password, at least 12 characters
          <input class="input" name="password" type="password" autocomplete="new-password" minLength={12} required autofocus />
        </label>
        {failure.value !== null && <Failure error={failure.value} />}
        <button class="button primary wide" disabled={busy.value}>
          Set the password and sign in
        </button>
        <button class="button wide" type="button" disabled={busy.value} onClick={() => void send(undefined)}>
          Sign in without a password this time
        </button>
      </form>
      {failure.value !== null && (
        <p class="muted small">
          To get another link, run <code>argosyd --admin-link</code> on the server, or <a href="/">sign in with a password</a>.
        </p>
      )}
    </Gate>
  );
}

function Welcome({ name, onDone }: { name: string; onDone: () => void }) {
  return (
    <Gate title={`You are signed in as ${name}`}>
      <p>Next time, sign in with this name and your password.</p>
      <button class="button primary wide" type="button" autofocus onClick={onDone}>
        Go to the fleet
      </button>
    </Gate>
  );
}
