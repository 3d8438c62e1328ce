import { useEffect, useState } from "react";
import type { ChatStore } from "../store/chat";
import { cellText, numericColumns } from "../text/cell";
import { count } from "../text/format";
import type { Table, Turn } from "../turn/model";
import type { Cell } from "../wire";

const PAGE = 100;

/** The rows of a result. Turns from history have none at hand: they are fetched when the table is opened. */
export function TableView({ turn, store }: { turn: Turn; store: ChatStore }) {
  const [loading, setLoading] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function load() {
    setLoading(true);
    const failure = await store.loadRows(turn.key);
    setProblem(failure?.message ?? null);
    setLoading(false);
  }

  const missing = turn.table === null;
  useEffect(() => {
    if (missing) void load();
  }, [missing]);

  if (problem)
    return (
      <p className="field-problem" role="alert">
        {problem}
      </p>
    );
  if (!turn.table) return <p className="quiet">Loading the rows…</p>;
  const more = turn.resultId !== null && turn.table.rows.length < turn.table.rowCount;
  return <Rows table={turn.table} loading={loading} onLoad={more ? () => void load() : null} />;
}

interface RowsProps {
  table: Table;
  loading: boolean;
  onLoad: (() => void) | null;
}

export function Rows({ table, loading, onLoad }: RowsProps) {
  const [shown, setShown] = useState(PAGE);
  // A single column of numbers stays beside its row's start: at the far end it would be lost.
  const numeric = table.columns.length > 1 ? numericColumns(table.columns, table.rows) : [];
  const visible = table.rows.slice(0, shown);
  if (table.columns.length === 0) return <p className="quiet">The statement returned no columns.</p>;
  return (
    <>
      <div className="table-scroll" role="region" aria-label="Rows of the result" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {table.columns.map((column, index) => (
                <th key={index} scope="col" title={column.data_type || undefined} className={align(numeric[index])}>
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {visible.map((row, index) => (
              <tr key={index}>
                {row.map((cell, at) => (
                  <td key={at} className={cellClass(cell, numeric[at])}>
                    {cellText(cell)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="table-foot">
        <span>{extent(table, visible.length)}</span>
        {shown < table.rows.length && (
          <button type="button" className="button button--small" onClick={() => setShown(shown + PAGE)}>
            Show {Math.min(PAGE, table.rows.length - shown)} more
          </button>
        )}
        {shown >= table.rows.length && onLoad && (
          <button type="button" className="button button--small" disabled={loading} onClick={onLoad}>
            {loading ? "Loading…" : `Load all ${count(table.rowCount, "row")}`}
          </button>
        )}
      </div>
    </>
  );
}

/** How much of the result is on show. A result with all its rows here may still have been cut by the server. */
export function extent(table: Table, visible: number): string {
  if (table.rowCount === 0) return "No rows";
  if (visible < table.rowCount) return `First ${count(visible, "row")} of ${count(table.rowCount, "row")}`;
  const cut = table.truncated ? ". The result was cut there: ask for less to see it whole" : "";
  return count(table.rowCount, "row") + cut;
}

function align(numeric: boolean | undefined): string | undefined {
  return numeric ? "number" : undefined;
}

function cellClass(cell: Cell, numeric: boolean | undefined): string | undefined {
  return [cell === null ? "null" : "", align(numeric) ?? ""].join(" ").trim() || undefined;
}
