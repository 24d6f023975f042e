// Apache Parquet, made in the browser from the server's CSV. Loaded when somebody asks for such a file.

import { parquetWriteBuffer } from "hyparquet-writer";
import { columnsOf } from "./csv-columns";

export function parquetOf(csv: string): ArrayBuffer {
  return parquetWriteBuffer({ columnData: columnsOf(csv) as Parameters<typeof parquetWriteBuffer>[0]["columnData"], createdBy: "argosy" });
}
