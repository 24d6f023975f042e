import { describe, expect, it } from "vitest";
import { walkAudit, type AuditWalk } from "./audit";

const step = (seal: number, rest: Partial<AuditWalk> = {}): AuditWalk => ({ intact: true, complete: false, rows: 10, reached: { seal, hash: "h" + seal }, fault: null, ...rest });

describe("walkAudit", () => {
  it("goes on where the server stopped, until it is through", async () => {
    const asked: number[] = [];
    const heard: number[] = [];
    const answers = [step(10), step(20), step(25, { rows: 5, complete: true })];
    const verdict = await walkAudit(async (after) => (asked.push(after), answers.shift()!), (rows) => heard.push(rows));
    expect(asked).toEqual([0, 10, 20]);
    expect(heard).toEqual([10, 20, 25]);
    expect(verdict).toEqual({ rows: 25, seal: 25, hash: "h25", fault: null });
  });

  it("stops at the first row that does not fit", async () => {
    const fault = { row: 7, seal: 7, message: "row 7 (seal 7) was touched" };
    const verdict = await walkAudit(async () => step(6, { rows: 6, intact: false, fault }), () => {});
    expect(verdict.fault).toBe(fault.message);
  });

  it("does not go round for ever", async () => {
    await expect(walkAudit(async () => step(0), () => {})).rejects.toThrow();
  });
});
