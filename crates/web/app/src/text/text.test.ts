import { describe, expect, it } from "vitest";
import { cellText, numericColumns } from "./cell";
import { ago, count, duration, stepLabel } from "./format";
import { laidOut, tokens } from "./sql";

const joined = (sql: string) =>
  laidOut(sql)
    .map((token) => token.text)
    .join("");

describe("SQL", () => {
  it("is laid out by clauses without changing anything but white space", () => {
    const sql =
      "SELECT c.name, COUNT(*) FROM customers AS c LEFT JOIN orders AS o ON o.id = c.id WHERE c.x = 'a FROM b' GROUP BY c.name LIMIT 5";
    expect(joined(sql).split("\n")).toEqual([
      "SELECT c.name, COUNT(*)",
      "FROM customers AS c",
      "LEFT JOIN orders AS o ON o.id = c.id",
      "WHERE c.x = 'a FROM b'",
      "GROUP BY c.name",
      "LIMIT 5",
    ]);
    expect(joined(sql).replaceAll(/\s+/g, "")).toBe(sql.replaceAll(/\s+/g, ""));
  });

  it("leaves subqueries on their line and written lines as they are", () => {
    expect(joined("SELECT (SELECT 1 FROM b) FROM a")).toBe("SELECT (SELECT 1 FROM b)\nFROM a");
    expect(joined("SELECT 1\n  FROM a WHERE b")).toBe("SELECT 1\n  FROM a WHERE b");
  });

  it("tells keywords, strings and numbers apart", () => {
    const kinds = tokens("SELECT 'it''s', 4.5, \"from\"").filter((token) => token.text.trim() && token.text !== ",");
    expect(kinds.map((token) => token.kind)).toEqual(["keyword", "string", "number", "plain"]);
  });
});

describe("cells", () => {
  it("are shown as they are", () => {
    expect([null, true, 0, "", { a: 1 }].map(cellText)).toEqual(["null", "true", "0", "", '{"a":1}']);
  });

  it("are aligned as numbers only where every value is one", () => {
    const columns = [
      { name: "id", data_type: "" },
      { name: "price", data_type: "NUMERIC" },
      { name: "zip", data_type: "TEXT" },
      { name: "nothing", data_type: "INT" },
    ];
    const rows = [
      [1, "19.90", "04109", null],
      [2, null, "10115", null],
    ];
    expect(numericColumns(columns, rows)).toEqual([true, true, false, false]);
  });
});

describe("figures", () => {
  it("are short and readable", () => {
    expect([45, 1_840, 65_000].map(duration)).toEqual(["45 ms", "1.8 s", "1 min 5 s"]);
    expect([count(1, "row"), count(1_204, "row")]).toEqual(["1 row", "1,204 rows"]);
    expect([ago(0, 30_000), ago(0, 300_000), ago(0, 7_200_000)]).toEqual(["just now", "5 min ago", "2 h ago"]);
  });

  it("name an unknown step by its own name", () => {
    expect([stepLabel("classify"), stepLabel("check_cost")]).toEqual(["Understanding the question", "Check cost"]);
  });
});
