// A few choices of which one holds.

export function Segments({ label, choices, chosen, onChoose }: { label: string; choices: [string, string][]; chosen: string; onChoose: (value: string) => void }) {
  return (
    <span class="segments" role="group" aria-label={label}>
      {choices.map(([value, text]) => (
        <button key={value} type="button" class="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
          {text}
        </button>
      ))}
    </span>
  );
}
