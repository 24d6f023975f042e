// What a test sees and does of a component in a page of its own (jsdom): elements by what a person reads, and clicks.

import { QueryClientProvider } from "@tanstack/react-query";
import { render, type ComponentChildren } from "preact";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { setCsrfToken } from "../api/client";
import { queryClient } from "../api/query-client";

let page: HTMLElement | undefined;

/** Puts it into the page, at this address. */
export function show(children: ComponentChildren, address = "/") {
  history.replaceState(null, "", address);
  page = document.body.appendChild(document.createElement("div"));
  render(<QueryClientProvider client={queryClient}>{children}</QueryClientProvider>, page);
}

beforeEach(() => {
  queryClient.setDefaultOptions({ queries: { ...queryClient.getDefaultOptions().queries, retry: false } });
});

afterEach(() => {
  if (page) render(null, page);
  page = undefined;
  document.body.replaceChildren();
  queryClient.clear();
  setCsrfToken("");
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const isShown = (element: Element) => element.closest("dialog:not([open])") === null;
const words = (element: Element) => element.textContent!.replaceAll(/\s+/g, " ").trim();

/** All that a person can read, closed dialogs left out. */
export function text(): string {
  const copy = document.body.cloneNode(true) as HTMLElement;
  for (const closed of copy.querySelectorAll("dialog:not([open])")) closed.remove();
  return words(copy);
}

/** The buttons of this label that can be seen; the last of them is that of the dialog on top. */
export function buttons(label: string): HTMLButtonElement[] {
  return [...document.querySelectorAll("button")].filter((button) => words(button) === label && isShown(button));
}

export function button(label: string): HTMLButtonElement {
  const found = buttons(label).at(-1);
  if (!found) throw new Error(`no button "${label}" in: ${text()}`);
  return found;
}

export function press(label: string) {
  const pressed = button(label);
  if (pressed.disabled) throw new Error(`the button "${label}" may not be pressed`);
  pressed.click();
}

type Field = HTMLInputElement | HTMLSelectElement;

/** The field whose label begins with these words. */
export function field(label: string): Field {
  const found = [...document.querySelectorAll("label")].find((each) => words(each).startsWith(label) && isShown(each));
  const inside = found?.querySelector<Field>("input, select");
  if (!inside) throw new Error(`no field "${label}" in: ${text()}`);
  return inside;
}

export function enter(label: string, value: string) {
  const into = field(label);
  into.value = value;
  into.dispatchEvent(new Event("input", { bubbles: true }));
  into.dispatchEvent(new Event("change", { bubbles: true }));
}

export const openDialog = () => document.querySelector("dialog[open]");
export const alertText = () => [...document.querySelectorAll('[role="alert"]')].filter(isShown).map(words).join(" ");

/** Waits until it holds. */
export const eventually = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 3000, interval: 10 });
export const seen = (words: string) => eventually(() => expect(text()).toContain(words));
