// The text of a filter, changed a term at a time. Pure.

/** `filter` with its term on `field` replaced by `term`, or without it when that very term was there. */
export function withTerm(filter: string, field: string, term: string): string {
  const terms = filter.split(/\s+AND\s+/).filter((each) => each.trim() !== "");
  const others = terms.filter((each) => !each.startsWith(`${field} `));
  return (terms.includes(term) ? others : [...others, term]).join(" AND ");
}
