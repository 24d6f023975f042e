import { parquetReadObjects } from "hyparquet";
import { describe, expect, it } from "vitest";
import { rowsOf } from "./csv-columns";
import { parquetOf } from "./parquet";

const HEAD = "device_id,model,version,started_at,ended_at,inferences,errors,labelled,correct,latency_p50,latency_p95,latency_p99,confidence,numbers\r\n";

describe("rows of CSV", () => {
  it("keep commas, quotes and line breaks in their fields", () => {
    expect(rowsOf('plain,"a,b","say ""hi""","two\r\nlines",,7\r\nnext\r\n')).toEqual([["plain", "a,b", 'say "hi"', "two\r\nlines", "", "7"], ["next"]]);
    expect(rowsOf("a,\r\n,b\r\n")).toEqual([["a", ""], ["", "b"]]);
    expect(rowsOf("a,")).toEqual([["a", ""]]);
    expect(rowsOf("")).toEqual([]);
  });
});

describe("a Parquet file", () => {
  it("of windows has their values, by type", async () => {
    const csv = `${HEAD}cam-1,digits,1.0,2026-03-01T11:50:00.000Z,2026-03-01T11:51:00.000Z,60,1,10,9,9.5,12.25,13,,"{""queue"":3.5}"\r\n`;
    expect(await parquetReadObjects({ file: parquetOf(csv) })).toEqual([
      {
        device_id: "cam-1",
        model: "digits",
        version: "1.0",
        started_at: new Date("2026-03-01T11:50:00Z"),
        ended_at: new Date("2026-03-01T11:51:00Z"),
        inferences: 60n,
        errors: 1n,
        labelled: 10n,
        correct: 9n,
        latency_p50: 9.5,
        latency_p95: 12.25,
        latency_p99: 13,
        confidence: null,
        numbers: { queue: 3.5 },
      },
    ]);
  });

  it("has all of many rows, in their order", async () => {
    const rows = Array.from({ length: 5000 }, (_, at) => `2026-03-01T00:00:00.000Z,"site, ${at % 3}",latency_p95,${at}.5,,,${at},1\r\n`);
    const read = await parquetReadObjects({ file: parquetOf(`time,group,metric,value,min,max,samples,devices\r\n${rows.join("")}`) });
    expect(read).toHaveLength(5000);
    expect(read[4999]).toMatchObject({ group: "site, 1", value: 4999.5, min: null, samples: 4999n });
  });

  it("has names as they are, without what keeps spreadsheets from calculating them", async () => {
    const read = await parquetReadObjects({ file: parquetOf("group,value\r\n\"'=1,2\",-5\r\n''a,1\r\n,2\r\n") });
    expect(read).toEqual([
      { group: "=1,2", value: -5 },
      { group: "'a", value: 1 },
      { group: "", value: 2 },
    ]);
  });

  it("of no rows can be read", async () => {
    expect(await parquetReadObjects({ file: parquetOf(HEAD) })).toEqual([]);
  });
});
