// Light or dark: the system's wish until the person chooses; the choice is kept in the browser.

import { signal } from "@preact/signals";

export type Theme = "light" | "dark";
const KEY = "argosy-theme";
const wishes = window.matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | null {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : null;
}

export const theme = signal<Theme>(chosen() ?? (wishes.matches ? "dark" : "light"));

function apply() {
  document.documentElement.dataset["theme"] = theme.value;
}
wishes.addEventListener("change", () => {
  if (chosen()) return;
  theme.value = wishes.matches ? "dark" : "light";
  apply();
});
apply();

export function switchTheme() {
  theme.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, theme.value);
  apply();
}
