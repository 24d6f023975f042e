// A time chart by uPlot: a few lines over time, with numbered marks for what happened. Only screens with charts load it.
// All charts of a screen share their time axis and their cursor.

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { alone, newest, spokenLast, timeLabel, valueRange, type ValueAxis, type Values } from "./chart-scale";
import { theme } from "./theme";

export interface Line {
  label: string;
  values: Values;
  colour: string; // a CSS custom property, such as --accent
}

export interface Mark {
  t: number;
  number: number;
  tone: "bad" | "warn" | "accent";
}

/** From the least to the most there was at each time. */
export interface Band {
  low: Values;
  high: Values;
  colour: string;
}

interface ChartProps extends ValueAxis {
  title: string;
  t: number[];
  lines: Line[];
  format: (value: number) => string;
  range: [number, number]; // of the time axis
  marks?: Mark[];
  band?: Band;
}

const HEIGHT = 156;
const SYNC = "screen";
const BAND_OPACITY = "2b"; // behind a colour of six digits

function colourOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}

function drawMarks(chart: uPlot, marks: Mark[]) {
  const { ctx, bbox } = chart;
  const dot = devicePixelRatio;
  ctx.save();
  ctx.font = `600 ${10 * dot}px sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const mark of marks) {
    const x = Math.round(chart.valToPos(mark.t, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colourOf(`--${mark.tone}`);
    ctx.lineWidth = dot;
    ctx.setLineDash([3 * dot, 3 * dot]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, bbox.top, 7 * dot, 0, 2 * Math.PI);
    ctx.fill();
    ctx.fillStyle = colourOf("--surface");
    ctx.fillText(String(mark.number), x, bbox.top + 0.5 * dot);
  }
  ctx.restore();
}

/** The band's two edges come behind the lines, without a stroke of their own. */
function bandOptions(band: Band | undefined, lines: number): Partial<uPlot.Options> & { edges: uPlot.Series[] } {
  if (!band) return { edges: [] };
  const edge: uPlot.Series = { points: { show: false }, spanGaps: false };
  return { edges: [edge, edge], bands: [{ series: [lines + 1, lines + 2], fill: `${colourOf(band.colour)}${BAND_OPACITY}` }] };
}

function optionsFor(width: number, props: { current: ChartProps }, onCursor: (index: number | null) => void): uPlot.Options {
  const { lines, band } = props.current;
  const { edges, bands } = bandOptions(band, lines.length);
  const dots: uPlot.Series.Points = { show: true, size: 5, filter: (chart, line) => alone(chart.data[line] as Values) };
  const axis: uPlot.Axis = {
    stroke: colourOf("--ink-3"),
    grid: { stroke: colourOf("--line"), width: 1 },
    ticks: { show: false },
    font: "11px sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    padding: [12, 16, 0, 0],
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: { key: SYNC, setSeries: false } },
    legend: { show: false },
    axes: [{ ...axis, size: 26, space: 70, values: (_, ticks, __, ___, step) => ticks.map((tick) => timeLabel(tick, step)) }, { ...axis, size: 62, space: 34, values: (_, ticks) => ticks.map((tick) => props.current.format(tick)) }],
    scales: { x: { range: () => props.current.range }, y: { range: (_, low, high) => valueRange(low, high, props.current) } },
    series: [
      {},
      ...lines.map((line) => ({ label: line.label, stroke: colourOf(line.colour), width: 1.75, points: dots, spanGaps: false })),
      ...edges,
    ],
    bands,
    hooks: {
      draw: [(chart) => drawMarks(chart, props.current.marks ?? [])],
      setCursor: [(chart) => onCursor(chart.cursor.idx ?? null)],
    },
  };
}

export function Chart(props: ChartProps) {
  const { title, t, lines, band } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const present = useRef(props);
  present.current = props;
  const cursor = useMemo(() => signal<number | null>(null), []);
  const data = [t, ...lines.map((line) => line.values), ...(band ? [band.high, band.low] : [])] as uPlot.AlignedData;
  const shape = `${theme.value} ${band !== undefined} ${lines.map((line) => line.label).join(" ")}`;

  useEffect(() => {
    const element = place.current!;
    const made = new uPlot(
      optionsFor(element.clientWidth, present, (index) => (cursor.value = index)),
      data,
      element,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [shape]);
  useEffect(() => chart.current?.setData(data), [t, lines, band, props.range, props.marks]);

  const figure = (line: Line) => {
    const value = cursor.value === null ? newest(line.values) : line.values[cursor.value];
    return value === null || value === undefined ? "–" : props.format(value);
  };
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul class="legend">
          {lines.map((line) => (
            <li key={line.label}>
              {lines.length > 1 && <i style={{ background: `var(${line.colour})` }} aria-hidden="true" />}
              {lines.length > 1 && line.label} <b>{figure(line)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} style={{ height: HEIGHT }} role="img" aria-label={`${title} over time, last: ${spokenLast(lines, props.format)}`} />
    </figure>
  );
}
