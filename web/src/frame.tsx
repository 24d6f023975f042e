// What surrounds every screen: navigation, the state of the live stream, theme, search, sign-out.

import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { call } from "./api/client";
import { LiveStream, connection, lastMessageAt } from "./api/live";
import { queryClient } from "./api/queries";
import type { Me } from "./api/types";
import { span } from "./ui/format";
import { Status } from "./ui/status";
import { switchTheme, theme } from "./ui/theme";

const PLACES = [
  ["/", "Overview"],
  ["/devices", "Devices"],
  ["/rollouts", "Rollouts"],
  ["/alerts", "Alerts"],
] as const;

/** What the live stream should watch for the screen at this path. */
export function scopeOf(path: string): string {
  const [, place, id] = path.split("/");
  if (place === "devices" && id) return `device:${decodeURIComponent(id)}`;
  if (place === "rollouts" && id) return `rollout:${id}`;
  return "overview";
}

export function Frame({ me, children }: { me: Me; children: ComponentChildren }) {
  const [path, navigate] = useLocation();
  const stream = useMemo(() => new LiveStream(queryClient), []);
  const main = useRef<HTMLElement>(null);
  useEffect(() => stream.watch(scopeOf(path)), [path]);
  useEffect(() => () => stream.close(), []);
  return (
    <>
      <a class="skip-link" href="#main" onClick={() => main.current?.focus()}>
        Skip to the content
      </a>
      <header class="bar">
        <Link href="/" class="brand">
          <Sail />
          Argosy
        </Link>
        <nav aria-label="Main">
          {PLACES.map(([href, text]) => (
            <Link key={href} href={href} aria-current={isAt(path, href) ? "page" : undefined}>
              {text}
            </Link>
          ))}
        </nav>
        <span class="spacer" />
        <FindDevice onFound={(id) => navigate(`/devices/${encodeURIComponent(id)}`)} />
        <Freshness />
        <button class="button plain" type="button" onClick={switchTheme} aria-label={`Switch to the ${theme.value === "dark" ? "light" : "dark"} theme`}>
          {theme.value === "dark" ? "☀" : "☾"}
        </button>
        <SignOut me={me} />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function isAt(path: string, href: string): boolean {
  return href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);
}

function Sail() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M9 2v12H2C5 11 7.500 7 9 2Z" fill="var(--accent)" />
      <path d="M11 5c3 2 5.500 5.500 6 9h-6Z" fill="currentColor" opacity="0.55" />
      <path d="M2 16h16l-2 2.500H4Z" fill="currentColor" />
    </svg>
  );
}

/** "Updated 2 s ago", or that the stream is broken and being mended. */
function Freshness() {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const text = useComputed(() => (connection.value === "live" ? `Updated ${span(now.value - lastMessageAt.value)} ago` : connection.value === "connecting" ? "Connecting" : "Reconnecting"));
  return (
    <span class="freshness">
      <Status tone={connection.value === "live" ? "good" : "warn"} text={text.value} title="State of the live connection to the server" />
    </span>
  );
}

function FindDevice({ onFound }: { onFound: (id: string) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      dialog.current?.showModal();
    };
    addEventListener("keydown", open);
    return () => removeEventListener("keydown", open);
  }, []);
  const go = (event: SubmitEvent) => {
    const id = String(new FormData(event.target as HTMLFormElement).get("id") ?? "").trim();
    if (id) onFound(id);
  };
  return (
    <>
      <button class="button" type="button" onClick={() => dialog.current?.showModal()}>
        Find <kbd class="small muted">Ctrl K</kbd>
      </button>
      <dialog ref={dialog} aria-label="Find a device">
        <form method="dialog" class="stack" onSubmit={go}>
          <label class="field">
            Name of the device
            <input class="input" name="id" autocomplete="off" autofocus maxLength={64} pattern="[A-Za-z0-9_\-]+" placeholder="cam-7" />
          </label>
          <div class="row">
            <button class="button primary">Open</button>
            <button class="button" type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

function SignOut({ me }: { me: Me }) {
  const leave = async () => {
    await call("/logout", { method: "POST", body: {} });
    queryClient.clear();
    location.assign("/");
  };
  return (
    <button class="button plain" type="button" onClick={() => void leave()} title={`Signed in as ${me.user.name} (${me.user.role})`}>
      Sign out
    </button>
  );
}
