// What is shown, or the windows behind it, as a file: CSV comes from the server, Parquet is made here from that CSV.

import { fetchText } from "../api/client";
import { exportPath } from "../api/telemetry";
import { useAttempt } from "../ui/attempt";
import { Failure } from "../ui/card";
import { type Chosen, exportQuestion } from "./explore-question";

const PARQUET_LIMIT = 64_000_000; // bytes of CSV: all of it lies in the browser's memory
const ROWS: ["series" | "windows", string][] = [
  ["series", "What is drawn"],
  ["windows", "The windows behind it"],
];

export function ExploreExport({ chosen }: { chosen: Chosen }) {
  const making = useAttempt();
  const pathOf = (rows: "series" | "windows") => exportPath(exportQuestion(chosen, rows), Number(chosen.range));
  const makeParquet = (rows: "series" | "windows") =>
    making.run(async () => {
      const csv = await fetchText(pathOf(rows), PARQUET_LIMIT);
      const { parquetOf } = await import("./parquet");
      save(parquetOf(csv), `argosy-${rows}.parquet`);
    });
  return (
    <div class="stack">
      {ROWS.map(([rows, text]) => (
        <div key={rows} class="row">
          <span style="min-width: 170px">{text}</span>
          <a class="button" href={`/api/v1${pathOf(rows)}`} download={`argosy-${rows}.csv`}>
            CSV
          </a>
          <button class="button" type="button" disabled={making.busy.value} onClick={() => void makeParquet(rows)}>
            Parquet
          </button>
        </div>
      ))}
      {making.failure.value !== null && <Failure what="No Parquet file" error={making.failure.value} />}
    </div>
  );
}

function save(content: ArrayBuffer, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/vnd.apache.parquet" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
