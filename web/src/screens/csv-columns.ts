// Rows of CSV (RFC 4180) as columns with types, for files that know types. Pure.

export type ColumnType = "STRING" | "TIMESTAMP" | "DOUBLE" | "INT64" | "JSON";

export interface TypedColumn {
  name: string;
  type: ColumnType;
  data: unknown[]; // null where the field is empty
}

const TYPES: Record<string, ColumnType> = {
  time: "TIMESTAMP",
  started_at: "TIMESTAMP",
  ended_at: "TIMESTAMP",
  samples: "INT64",
  devices: "INT64",
  inferences: "INT64",
  errors: "INT64",
  labelled: "INT64",
  correct: "INT64",
  device_id: "STRING",
  model: "STRING",
  version: "STRING",
  group: "STRING",
  metric: "STRING",
  numbers: "JSON",
};

/** The fields of each row. */
export function rowsOf(csv: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < csv.length) {
    let field: string;
    if (csv[at] === '"') {
      let end = at + 1;
      while (end < csv.length && (csv[end] !== '"' || csv[end + 1] === '"')) end += csv[end] === '"' ? 2 : 1;
      field = csv.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    } else {
      let end = at;
      while (end < csv.length && csv[end] !== "," && csv[end] !== "\r") end += 1;
      field = csv.slice(at, end);
      at = end;
    }
    row.push(field);
    if (csv[at] === ",") {
      at += 1;
      if (at === csv.length) row.push("");
      continue;
    }
    if (csv[at] === "\r") {
      rows.push(row);
      row = [];
      at += 2;
    }
  }
  if (row.length > 0) rows.push(row);
  return rows;
}

function valueOf(field: string, type: ColumnType): unknown {
  if (type === "STRING") return field.startsWith("'") ? field.slice(1) : field; // put there for spreadsheets
  if (field === "") return null;
  if (type === "TIMESTAMP") return new Date(field);
  if (type === "DOUBLE") return Number(field);
  if (type === "INT64") return BigInt(field);
  return type === "JSON" ? JSON.parse(field) : field;
}

/** The first row has the names; a name that is not known here is that of a figure. */
export function columnsOf(csv: string): TypedColumn[] {
  const [names = [], ...rows] = rowsOf(csv);
  return names.map((name, place) => {
    const type = TYPES[name] ?? "DOUBLE";
    return { name, type, data: rows.map((row) => valueOf(row[place] ?? "", type)) };
  });
}
