import type { Approval, ChangeKind, ResponseEvent, Rows } from "../wire";
import { count } from "../text/format";
import type { Change, Table } from "./model";

type Required = Extract<ResponseEvent, { type: "response.askline.approval.required" }>;

export function fromEvent(event: Required): Change {
  return {
    sql: event.sql,
    kind: event.kind,
    table: event.table,
    affectedRows: event.affected_rows,
    preview: tableOf(event.preview, event.affected_rows),
    state: "pending",
    mayDecide: null,
    executedAs: null,
    changedRows: null,
    error: null,
    expiresMs: event.expires_at * 1_000,
  };
}

export function fromApproval(approval: Approval): Change {
  return {
    sql: approval.sql,
    kind: approval.kind,
    table: approval.table,
    affectedRows: approval.affected_rows,
    preview: approval.preview && tableOf(approval.preview, approval.affected_rows),
    state: approval.state,
    mayDecide: approval.may_decide,
    executedAs: approval.executed_as,
    changedRows: approval.changed_rows,
    error: approval.error,
    expiresMs: approval.expires_ms,
  };
}

/** Of two answers about a change the one that was given later: what has ended does not begin again. */
export function newer(known: Change | null, told: Change): Change {
  return known && hasEnded(known) && !hasEnded(told) ? known : told;
}

function hasEnded(change: Change): boolean {
  return !["pending", "approved", "running"].includes(change.state);
}

function tableOf(rows: Rows, rowCount: number): Table {
  return { columns: rows.columns, rows: rows.rows, rowCount, truncated: rows.truncated };
}

const INTENTIONS: Record<ChangeKind, (rows: string, table: string) => string> = {
  insert: (rows, table) => `Add ${rows} to ${table}`,
  update: (rows, table) => `Change ${rows} of ${table}`,
  delete: (rows, table) => `Delete ${rows} of ${table}`,
};

export function intention(change: Change): string {
  return INTENTIONS[change.kind](count(change.affectedRows, "row"), change.table);
}

/** What became of a change, for people; null while it waits. */
export function outcome(change: Change): string | null {
  switch (change.state) {
    case "pending":
      return null;
    case "approved":
    case "running":
      return "Approved. It is being made.";
    case "declined":
      return "Declined. Nothing was changed.";
    case "expired":
      return "Nobody approved it in time. Nothing was changed.";
    case "done":
      return `Done: ${count(change.changedRows ?? change.affectedRows, "row")}.`;
    case "failed":
      return change.error ?? "It was not made. Nothing was changed.";
    case "unknown":
      return "Whether it was made is not known. Look at the rows in the database.";
  }
}
