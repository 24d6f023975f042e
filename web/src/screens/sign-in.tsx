// Signing in: by name and password, or once by the link that the server printed.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { ApiError, call, setCsrfToken } from "../api/client";
import { queryClient } from "../api/queries";
import type { Me } from "../api/types";
import { Failure, Skeleton } from "../ui/card";

function Gate({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main style="max-width: 420px; margin-top: 12vh">
      <section class="card" style="padding: var(--space-5)">
        <div class="stack">
          <p class="muted small">Argosy</p>
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

export function SignIn() {
  const failure = useSignal<unknown>(null);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    try {
      enter(await call<Me>("/login", { method: "POST", body: { name: form.get("name"), password: form.get("password") } }));
    } catch (error) {
      failure.value = error;
    }
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
        <button class="button primary" style="justify-content: center">
          Sign in
        </button>
      </form>
      <p class="muted small">
        The first time, use the one-time link that <code>argosyd --admin-link</code> prints.
      </p>
    </Gate>
  );
}

export function Welcome() {
  const [, navigate] = useLocation();
  const state = useSignal<"entering" | "inside" | ApiError | Error>("entering");
  useEffect(() => {
    const token = new URLSearchParams(location.search).get("token") ?? "";
    history.replaceState(null, "", "/welcome"); // the token is spent: keep it out of the history
    call<Me>("/login/link", { method: "POST", body: { token } }).then(
      (me) => {
        enter(me);
        state.value = "inside";
      },
      (error: Error) => (state.value = error),
    );
  }, []);
  if (state.value === "entering") return <Skeleton lines={2} />;
  if (state.value === "inside") return <ChoosePassword onDone={() => navigate("/")} />;
  return (
    <Gate title="This link does not work">
      <Failure error={state.value} />
      <p class="muted">A link works once and for a short time. Ask the server for another: argosyd --admin-link.</p>
      <a class="button" href="/">
        Sign in with a password
      </a>
    </Gate>
  );
}

function ChoosePassword({ onDone }: { onDone: () => void }) {
  const failure = useSignal<unknown>(null);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const password = new FormData(event.target as HTMLFormElement).get("password");
    try {
      await call("/me/password", { method: "PUT", body: { password } });
      onDone();
    } catch (error) {
      failure.value = error;
    }
  };
  return (
    <Gate title="Welcome aboard">
      <p>You are signed in as administrator. Choose a password for the next time.</p>
      <form class="stack" onSubmit={(event) => void send(event)}>
        <label class="field">
          New password, at least 12 characters
          <input class="input" name="password" type="password" autocomplete="new-password" minLength={12} required autofocus />
        </label>
        {failure.value !== null && <Failure error={failure.value} />}
        <div class="row">
          <button class="button primary">Set the password</button>
          <button class="button" type="button" onClick={onDone}>
            Later
          </button>
        </div>
      </form>
    </Gate>
  );
}
