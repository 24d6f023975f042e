// The mark of Argosy.

export function Sail() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M9 2v12H2C5 11 7.5 7 9 2Z" fill="var(--accent)" />
      <path d="M11 5c3 2 5.5 5.5 6 9h-6Z" fill="currentColor" opacity="0.55" />
      <path d="M2 16h16l-2 2.5H4Z" fill="currentColor" />
    </svg>
  );
}
