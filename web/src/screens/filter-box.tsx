// The field of a device filter: what is typed becomes the filter when it is sent, and a mistake is shown where it is.

import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { ApiError } from "../api/client";
import { Failure } from "../ui/card";
import { errorColumn } from "./filter";

export function FilterBox({ filter, error, onChange }: { filter: string; error: Error | null; onChange: (next: string) => void }) {
  const text = useSignal(filter);
  const field = useRef<HTMLInputElement>(null);
  const told = useId();
  useEffect(() => {
    text.value = filter;
  }, [filter]);
  const column = error instanceof ApiError && error.slug === "filter-syntax" ? errorColumn(error.message) : null;
  useEffect(() => {
    if (column === null) return;
    field.current?.focus();
    field.current?.setSelectionRange(column - 1, column);
  }, [error]);
  return (
    <form
      class="stack"
      style="gap: 6px"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.value.trim());
      }}
    >
      <div class="row" style="flex-wrap: nowrap">
        <label style="flex: 1">
          <span class="visually-hidden">Filter</span>
          <input
            ref={field}
            class="input mono"
            value={text.value}
            aria-invalid={error !== null}
            aria-describedby={told}
            onInput={(event) => (text.value = event.currentTarget.value)}
            placeholder={'hardware_class = "cpu-int8" AND model.digits != "1.1"'}
            maxLength={2000}
            spellcheck={false}
          />
        </label>
        <button class="button primary">Filter</button>
        <button class="button" type="button" disabled={filter === "" && text.value === ""} onClick={() => (text.value === filter ? onChange("") : (text.value = filter))}>
          {text.value === filter ? "Clear" : "Undo"}
        </button>
      </div>
      <div id={told}>
        {error ? (
          column !== null && error instanceof ApiError ? <FilterError filter={filter} column={column} message={error.message} /> : <Failure error={error} />
        ) : (
          <p class="muted small">
            Fields: <code>id</code>, <code>hardware_class</code>, <code>presence</code>, <code>intermittent</code>, <code>agent_version</code>, <code>labels.site</code>, <code>model.digits</code>. Join comparisons with AND, OR and NOT; <code>=</code> equal, <code>!=</code> not equal,
            <code>:</code> contains.
          </p>
        )}
      </div>
    </form>
  );
}

function FilterError({ filter, column, message }: { filter: string; column: number; message: string }) {
  return (
    <div class="notice tone-bad" role="alert">
      <p>{message}</p>
      <pre class="mono" style="margin: 4px 0 0; overflow-x: auto" aria-hidden="true">
        {`${filter}\n${" ".repeat(column - 1)}^`}
      </pre>
    </div>
  );
}
