import type { Cell, Column } from "../wire";

const NUMERIC = /int|numeric|decimal|real|double|float|serial|number/i;
const PLAIN_NUMBER = /^-?\d+(\.\d+)?$/;

export function cellText(cell: Cell): string {
  if (cell === null) return "null";
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

/** Columns of numbers are aligned right. Exact decimals and large integers travel as strings. */
export function numericColumns(columns: Column[], rows: Cell[][]): boolean[] {
  return columns.map((column, index) => {
    const cells = rows.map((row) => row[index]).filter((cell) => cell !== null && cell !== undefined);
    return cells.length > 0 && cells.every((cell) => isNumber(cell as Cell, column));
  });
}

function isNumber(cell: Cell, column: Column): boolean {
  if (typeof cell === "number") return true;
  return typeof cell === "string" && NUMERIC.test(column.data_type) && PLAIN_NUMBER.test(cell);
}
