// What the mock plays for a question: events, waits in milliseconds, and the faults "drop" and "restart".

const event = (type, rest = {}) => ({ type: `response.${type}`, ...rest });
const begin = (step, attempt = 1) => event("askline.step.started", { step, attempt });
const end = (step, duration_ms, detail, tokens = 0, attempt = 1) =>
  event("askline.step.completed", { step, attempt, duration_ms, detail, tokens });
const delta = (text) =>
  event("output_text.delta", { item_id: "msg_1", output_index: 0, content_index: 0, delta: text });
const item = event("output_item.added", {
  output_index: 0,
  item: { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] },
});
const opening = [
  event("created"),
  event("queued"),
  40,
  event("in_progress"),
  begin("classify"),
  120,
  end("classify", 118, "sql", 212),
];

const CUSTOMERS = "SELECT COUNT(*) AS customers FROM customers LIMIT 10000";
const SALES =
  "SELECT p.category, SUM(oi.quantity) AS sold, SUM(oi.quantity * oi.unit_price) AS revenue FROM order_items AS oi " +
  "INNER JOIN products AS p ON p.id = oi.product_id WHERE p.category <> 'Gift cards' GROUP BY p.category ORDER BY revenue DESC LIMIT 10000";

export function scriptFor(question) {
  if (question.includes("fail")) return failing();
  if (question.includes("queue")) return queued();
  if (question.includes("drop")) return slow(["drop"]);
  if (question.includes("restart")) return slow(["restart"]);
  if (question.includes("slow")) return slow([]);
  if (question.includes("again")) return repeated();
  if (question.includes("category")) return categories();
  return count();
}

export function testScript(works) {
  const opened = [event("created"), event("in_progress"), 200, begin("test_connection"), 500];
  if (!works) {
    const error = { code: "connection_refused", message: "The password was not accepted. Check the URL." };
    return [...opened, event("failed", { end: { error } })];
  }
  const read = [
    end("test_connection", 41, "PostgreSQL 15.4"),
    begin("introspect"),
    600,
    end("introspect", 612, "7 tables"),
  ];
  return [...opened, ...read, event("completed", { end: { text: "Ready!" } })];
}

function rows(columns, cells, total = cells.length) {
  return event("askline.rows", {
    columns: columns.map(([name, data_type]) => ({ name, data_type })),
    rows: cells,
    row_count: total,
    truncated: cells.length < total,
  });
}

function queried(sql, table, text) {
  return [
    begin("generate_sql"),
    event("askline.notice", {
      code: "rules_provider",
      message: "No language model is configured: simple rules wrote this statement.",
    }),
    150,
    event("askline.sql.generated", { sql, dialect: "sqlite", tables: ["customers"], confidence: 0.92 }),
    end("generate_sql", 640, "1 statement", 731),
    begin("execute_sql"),
    60,
    table,
    end("execute_sql", 12, `${table.row_count} rows`),
    { result: { columns: table.columns, rows: table.rows, truncated: false } },
    begin("reply"),
    item,
    ...text.split(/(?<= )/).flatMap((word) => [20, delta(word)]),
    end("reply", 320, `${text.length} characters`, 65),
    event("completed", { end: { text, sql, tokens: 1_008 } }),
  ];
}

function count() {
  return [...opening, ...queried(CUSTOMERS, rows([["customers", "INTEGER"]], [[24]]), "You have 24 customers.")];
}

function categories() {
  const columns = [
    ["category", "TEXT"],
    ["sold", "INTEGER"],
    ["revenue", "NUMERIC"],
  ];
  const cells = [
    ["Garden", 412, "18204.50"],
    ["Kitchen", 388, "15120.00"],
    ["Books", 290, "4410.75"],
    ["Lighting", 61, null],
  ];
  const text =
    "Garden sells best: 412 pieces for 18,204.50.\n\nKitchen follows with 15,120.00, then Books. Lighting has sold 61 pieces, but their prices are missing.";
  return [...opening, ...queried(SALES, rows(columns, cells), text)];
}

function failing() {
  const error = { code: "no_answer", message: "No table holds the weather. Ask about customers, products or orders." };
  const rejected = event("askline.sql.rejected", {
    rule: "unknown_table",
    message: "There is no table named weather.",
  });
  return [
    ...opening,
    begin("generate_sql"),
    event("askline.sql.generated", { sql: "SELECT * FROM weather", dialect: "sqlite", tables: ["weather"] }),
    end("generate_sql", 410, "1 statement", 602),
    begin("execute_sql"),
    rejected,
    end("execute_sql", 3, "refused"),
    event("failed", { end: { error, tokens: 814 } }),
  ];
}

function queued() {
  const position = (at) => event("askline.queue.position", { position: at, estimated_wait_ms: at * 4_000 });
  return [event("created"), event("queued"), 100, position(3), 600, position(1), 600, ...count().slice(2)];
}

/** Thirty words at a slow pace, with faults after the tenth. */
function slow(faults) {
  const words = Array.from({ length: 30 }, (_, index) => `word${index + 1} `);
  const said = (part) => part.flatMap((word) => [delta(word), 100]);
  return [
    ...opening,
    begin("reply"),
    item,
    ...said(words.slice(0, 10)),
    ...faults,
    ...said(words.slice(10)),
    end("reply", 3_000, "30 words", 30),
    event("completed", { end: { text: words.join(""), tokens: 242 } }),
  ];
}

/** A worker dies amid its answer, and another writes it anew. */
function repeated() {
  return [
    ...opening,
    begin("reply"),
    item,
    delta("Half of a first ans"),
    300,
    begin("reply", 2),
    item,
    delta("The whole answer."),
    end("reply", 210, "17 characters", 20, 2),
    event("completed", { end: { text: "The whole answer.", tokens: 232 } }),
  ];
}
