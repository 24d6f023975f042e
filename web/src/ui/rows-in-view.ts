// Which rows of a long table the window shows: the others are room to scroll, not elements. Rows are equally high.

import { useEffect, useRef, useState } from "preact/hooks";

const BEYOND = 12; // rows kept ready above and below

/** Rows first … last - 1, for a table body whose top lies `top` under that of a window of this height. Pure. */
export function rowsInView(count: number, rowHeight: number, top: number, windowHeight: number): { first: number; last: number } {
  const first = Math.max(0, Math.floor(-top / rowHeight) - BEYOND);
  const last = Math.max(0, Math.ceil((windowHeight - top) / rowHeight) + BEYOND);
  return { first: Math.min(first, Math.max(0, count - 1)), last: Math.min(last, count) };
}

export function useRowsInView(count: number, rowHeight: number) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [rows, setRows] = useState({ first: 0, last: Math.min(count, 40) });
  useEffect(() => {
    const look = () => {
      const next = rowsInView(count, rowHeight, body.current?.getBoundingClientRect().top ?? 0, innerHeight);
      setRows((before) => (before.first === next.first && before.last === next.last ? before : next));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [count, rowHeight]);
  return { body, first: Math.min(rows.first, count), last: Math.min(rows.last, count) };
}
