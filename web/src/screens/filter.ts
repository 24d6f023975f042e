// The text of a filter, changed a term at a time. Pure.

/** The terms that AND joins at the outermost level; one term when OR joins anything there. */
function termsOf(filter: string): string[] {
  if (/\s(OR|or)\s/.test(filter.replaceAll(/"(\\.|[^"\\])*"|\([^()]*\)/g, "x"))) return [`(${filter.trim()})`];
  const terms: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let at = 0; at < filter.length; at += 1) {
    const char = filter[at];
    if (quoted && char === "\\") at += 1;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === "(") depth += 1;
    else if (!quoted && char === ")") depth -= 1;
    else if (!quoted && depth === 0 && /^\sAND\s/.test(filter.slice(at, at + 5))) {
      terms.push(filter.slice(start, at));
      start = at + 5;
    }
  }
  terms.push(filter.slice(start));
  return terms.map((term) => term.trim()).filter((term) => term !== "");
}

export function hasTerm(filter: string, term: string): boolean {
  return termsOf(filter).includes(term);
}

/** `filter` with its term on `field` replaced by `term`, or without it when that very term was there. */
export function withTerm(filter: string, field: string, term: string): string {
  const terms = termsOf(filter);
  const others = terms.filter((each) => !each.startsWith(`${field} `));
  return (terms.includes(term) ? others : [...others, term]).join(" AND ");
}

/** The column that a filter's syntax error names, counted from 1. */
export function errorColumn(message: string): number | null {
  const found = /column (\d+)/.exec(message);
  return found ? Number(found[1]) : null;
}
