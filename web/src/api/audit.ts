// The audit log, and walking its chain: the server looks at some thousand rows a call, and says how far it came.

import { useQuery } from "@tanstack/react-query";
import { call, type Page } from "./client";

export interface AuditEntry {
  id: number;
  at: string;
  actor: string;
  action: string;
  object: string;
  address: string; // from where; empty: the server itself
  details: Record<string, unknown>;
}

export const useAudit = () => useQuery({ queryKey: ["audit"], queryFn: () => call<Page<AuditEntry>>("/audit?limit=100"), refetchInterval: 15_000 });

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
