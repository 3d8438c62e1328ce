// The inspector's command line against a running server: inspector.mjs INSPECTOR URL EXECUTABLE. The token is in
// ASKLINE_TOKEN. Each request is sent over HTTP and through `askline mcp`.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [inspector, url, executable] = process.argv.slice(2);
const token = process.env.ASKLINE_TOKEN;
const TOOL_FAILED = 5;
const NOT_LET_IN = 3;

const home = mkdtempSync(join(tmpdir(), "askline-inspector-"));

// What a person would write into the configuration of a client.
function config(bearer) {
  const file = join(home, `${bearer === token ? "right" : "wrong"}.json`);
  const http = { type: "streamable-http", url: `${url}/mcp`, headers: { Authorization: `Bearer ${bearer}` } };
  const stdio = { command: executable, args: ["mcp", "--url", url], env: { ASKLINE_TOKEN: bearer } };
  writeFileSync(file, JSON.stringify({ mcpServers: { http, stdio } }));
  return file;
}

function run(server, method, more = [], bearer = token) {
  const options = ["--cli", "--config", config(bearer), "--server", server, "--method", method, ...more];
  const env = { ...process.env, HOME: home };
  return spawnSync(process.execPath, [inspector, ...options], { encoding: "utf8", env, timeout: 60_000 });
}

function works(server, method, more) {
  const done = run(server, method, more);
  assert.equal(done.status, 0, `${server} ${method}: ${done.stdout}${done.stderr}`);
  return JSON.parse(done.stdout);
}

for (const server of ["http", "stdio"]) {
  const tools = works(server, "tools/list").tools.map((tool) => tool.name);
  assert.deepEqual(tools, ["search_schema", "describe_table", "execute_sql", "ask"]);

  const { resources } = works(server, "resources/list");
  const { uri } = resources.find((resource) => resource.name === "customers");
  assert.match(works(server, "resources/read", ["--uri", uri]).contents[0].text, /customer_id/);
  assert.equal(works(server, "resources/templates/list").resourceTemplates.length, 1);

  const execute = (sql) => ["--tool-name", "execute_sql", "--tool-arg", `sql=${sql}`];
  const rows = works(server, "tools/call", execute("SELECT COUNT(*) AS customers FROM customers"));
  assert.deepEqual(rows.structuredContent.rows, [[28]]);
  const refused = run(server, "tools/call", execute("DROP TABLE customers"));
  assert.equal(refused.status, TOOL_FAILED, refused.stdout + refused.stderr);
  assert.match(refused.stdout + refused.stderr, /statement_refused/);
  console.log(`over ${server}: all as expected`);
}

const stranger = run("http", "tools/list", [], "made-up");
assert.equal(stranger.status, NOT_LET_IN, stranger.stdout + stranger.stderr);
assert.ok(!stranger.stdout.includes("search_schema"));
