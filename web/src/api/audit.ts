// Walking the audit log's chain: the server looks at some thousand rows a call, and says how far it came.

export interface AuditWalk {
  intact: boolean;
  complete: boolean;
  rows: number;
  reached: { seal: number; hash: string };
  fault: { row: number | null; seal: number | null; message: string } | null;
}

export interface AuditVerdict {
  rows: number;
  seal: number;
  hash: string;
  fault: string | null;
}

/** The whole walk, call by call; `onRows` hears how many rows were looked at so far. */
export async function walkAudit(ask: (after: number) => Promise<AuditWalk>, onRows: (rows: number) => void): Promise<AuditVerdict> {
  let rows = 0;
  for (let after = 0; ; ) {
    const walk = await ask(after);
    rows += walk.rows;
    onRows(rows);
    const { seal, hash } = walk.reached;
    if (walk.fault !== null) return { rows, seal, hash, fault: walk.fault.message };
    if (walk.complete) return { rows, seal, hash, fault: null };
    if (seal <= after) throw new Error("the server does not get on with the audit log");
    after = seal;
  }
}
