// A time chart by uPlot: a few lines over time, with markers for what happened. Only the device screen loads it.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "./theme";

export interface Line {
  label: string;
  values: (number | null)[];
  colour: string; // a CSS custom property, such as --accent
}

export interface Marker {
  t: number;
  label: string;
}

const HEIGHT = 190;

function colourOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}

function markersPlugin(markers: () => Marker[]): uPlot.Plugin {
  return {
    hooks: {
      draw: (chart) => {
        const { ctx, bbox } = chart;
        ctx.save();
        ctx.strokeStyle = colourOf("--line-strong");
        ctx.fillStyle = colourOf("--ink-3");
        ctx.setLineDash([4, 4]);
        ctx.font = `${11 * devicePixelRatio}px sans-serif`;
        for (const marker of markers()) {
          const x = chart.valToPos(marker.t, "x", true);
          if (x < bbox.left || x > bbox.left + bbox.width) continue;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.fillText(marker.label, x + 4 * devicePixelRatio, bbox.top + 11 * devicePixelRatio);
        }
        ctx.restore();
      },
    },
  };
}

function optionsFor(width: number, lines: Line[], unit: string, markers: () => Marker[]): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colourOf("--ink-3"),
    grid: { stroke: colourOf("--line"), width: 1 },
    ticks: { stroke: colourOf("--line"), width: 1 },
    font: "11px sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, points: { size: 6 } },
    legend: { live: true },
    axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => `${tick}${unit}`) }],
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 1) * 1.08 || 1] } },
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: colourOf(line.colour),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
        value: (_: uPlot, value: number | null) => (value === null || value === undefined ? "–" : `${value.toPrecision(3)}${unit}`),
      })),
    ],
    plugins: [markersPlugin(markers)],
  };
}

export function Chart({ title, t, lines, unit, markers = [] }: { title: string; t: number[]; lines: Line[]; unit: string; markers?: Marker[] }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const present = useRef(markers);
  present.current = markers;
  const data = [t, ...lines.map((line) => line.values)] as uPlot.AlignedData;
  const shape = `${theme.value} ${lines.map((line) => line.label).join(" ")}`;

  useEffect(() => {
    const element = place.current!;
    const made = new uPlot(optionsFor(element.clientWidth, lines, unit, () => present.current), data, element);
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => chart.current?.setData(data), [t, lines]);

  return (
    <figure style="margin: 0">
      <figcaption>
        <h3>{title}</h3>
      </figcaption>
      <div ref={place} style={{ minHeight: HEIGHT + 30 }} role="img" aria-label={`${title} over time`} />
    </figure>
  );
}
