// Ctrl-K: a device by a part of its name.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { useDevices } from "./api/devices";
import { PresenceStatus } from "./ui/status";

const SHOWN = 8;

export function FindDevice() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = useSignal(false);
  const open = () => {
    if (dialog.current?.open) return;
    isOpen.value = true;
    dialog.current?.showModal();
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      open();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <>
      <button class="button find" type="button" onClick={open}>
        Find a device <kbd>Ctrl K</kbd>
      </button>
      <dialog ref={dialog} aria-label="Find a device" onClose={() => (isOpen.value = false)}>
        {isOpen.value && <Search onDone={() => dialog.current?.close()} />}
      </dialog>
    </>
  );
}

function Search({ onDone }: { onDone: () => void }) {
  const text = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []); // before it is seen: what is typed at once is not lost
  const [, navigate] = useLocation();
  const found = useDevices(text.value === "" ? "" : `id : "${text.value}"`, SHOWN);
  const devices = found.data?.pages[0]?.items ?? [];
  const go = (id: string | undefined) => {
    if (id === undefined) return;
    onDone();
    navigate(`/devices/${encodeURIComponent(id)}`);
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        go(devices.find((device) => device.id === text.value)?.id ?? devices[0]?.id);
      }}
    >
      <label class="field">
        Name of the device, or a part of it
        <input
          class="input"
          autocomplete="off"
          ref={field}
          maxLength={64}
          placeholder="cam-7"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value.replaceAll(/[^A-Za-z0-9_-]/g, ""))}
        />
      </label>
      <ul class="found" aria-live="polite">
        {devices.map((device) => (
          <li key={device.id}>
            <button type="button" class="button plain" onClick={() => go(device.id)}>
              <strong>{device.id}</strong>
              <span class="muted small">{device.hardware_class}</span>
              <PresenceStatus presence={device.presence} />
            </button>
          </li>
        ))}
        {devices.length === 0 && !found.isPending && <li class="muted">No device has this in its name.</li>}
      </ul>
    </form>
  );
}
