// What surrounds every screen: navigation, the state of the live stream, theme, search, sign-out.

import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { Account, leave } from "./account";
import type { Me } from "./api/access";
import { connection, freshAt } from "./api/freshness";
import { LiveStream } from "./api/live";
import { SETTINGS, may } from "./api/permissions";
import { queryClient } from "./api/query-client";
import { scopeOf } from "./api/scope";
import { FindDevice } from "./find-device";
import { type Attempt, useAttempt } from "./ui/attempt";
import { Failure } from "./ui/card";
import { span } from "./ui/format";
import { Sail } from "./ui/sail";
import { Status } from "./ui/status";
import { switchTheme, theme } from "./ui/theme";

const PLACES = [
  ["/", "Overview"],
  ["/devices", "Devices"],
  ["/rollouts", "Rollouts"],
  ["/models", "Models"],
  ["/connectivity", "Connectivity"],
  ["/alerts", "Alerts"],
  ["/explore", "Explore"],
] as const;

export function Frame({ me, children }: { me: Me; children: ComponentChildren }) {
  const [path] = useLocation();
  const stream = useMemo(() => new LiveStream(queryClient), []);
  const main = useRef<HTMLElement>(null);
  const leaving = useAttempt();
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
          {[...PLACES, ...(may(me, ...SETTINGS) ? [["/settings", "Settings"] as const] : [])].map(([href, text]) => (
            <Link key={href} href={href} aria-current={isAt(path, href) ? "page" : undefined}>
              {text}
            </Link>
          ))}
        </nav>
        <span class="spacer" />
        <FindDevice />
        <Freshness />
        <button class="button plain icon" type="button" onClick={switchTheme} aria-label={`Switch to the ${theme.value === "dark" ? "light" : "dark"} theme`}>
          <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
            <circle cx="9" cy="9" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5" />
            <path d="M9 2.5a6.5 6.5 0 0 1 0 13Z" fill="currentColor" />
          </svg>
        </button>
        <SignOut me={me} leaving={leaving} />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {leaving.failure.value !== null && <Failure what="You could not be signed out" error={leaving.failure.value} />}
        {children}
      </main>
    </>
  );
}

function isAt(path: string, href: string): boolean {
  return href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);
}

/** "Updated 2 s ago", or that the stream is broken and being mended. */
function Freshness() {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const text = useComputed(() => (connection.value === "live" ? `Updated ${span(now.value - freshAt.value)} ago` : connection.value === "connecting" ? "Connecting" : "Reconnecting"));
  return (
    <span class="freshness">
      <Status tone={connection.value === "live" ? "good" : "warn"} text={text.value} title="State of the live connection to the server" />
    </span>
  );
}

function SignOut({ me, leaving }: { me: Me; leaving: Attempt }) {
  return (
    <span class="row who">
      <Account me={me} />
      <button class="button plain" type="button" disabled={leaving.busy.value} onClick={() => void leaving.run(() => leave("/logout"))}>
        Sign out
      </button>
    </span>
  );
}
