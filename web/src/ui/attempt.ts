// What a button that changes something stands on: one request at a time, and what went wrong with the last.

import { type Signal, useSignal } from "@preact/signals";

export interface Attempt {
  busy: Signal<boolean>; // for the button's `disabled`
  failure: Signal<unknown>; // null: nothing went wrong
  /** Runs `act`, and does nothing while an earlier one runs: a second click comes before the button is disabled. */
  run: (act: () => Promise<void>) => Promise<void>;
}

export function useAttempt(): Attempt {
  const busy = useSignal(false);
  const failure = useSignal<unknown>(null);
  const run = async (act: () => Promise<void>) => {
    if (busy.value) return;
    busy.value = true;
    failure.value = null;
    try {
      await act();
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  };
  return { busy, failure, run };
}
