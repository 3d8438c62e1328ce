// A server that speaks the client protocol and misbehaves on demand: a word in the question says how. It serves the
// built page under the same security policy as the real one. Only for `faults.mjs` and for looking at the page.

import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { accept } from "./mock-socket.mjs";
import { scriptFor, testScript } from "./mock-script.mjs";

const DIST = fileURLToPath(new URL("../../crates/web/app/dist/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const PASSWORD = "correct horse";

/** Starts it on a free port, or on `port`. */
export async function startMock(port = 0) {
  const mock = new Mock();
  const server = createServer((request, response) => void mock.answer(request, response));
  server.on("upgrade", (request, socket) => mock.upgrade(request, socket));
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  mock.url = `http://127.0.0.1:${server.address().port}`;
  mock.close = () => {
    mock.sockets.forEach((socket) => socket.destroy());
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return mock;
}

class Mock {
  email = "ada@example.com";
  password = PASSWORD;
  role = "manager";
  /** The businesses named by the header of each request for connections. */
  askedFor = [];
  names = { biz_1: "Meadow & Oak" };
  /** Every `response.create` that arrived, also the repeated ones. */
  creates = [];
  subscribes = [];
  cancels = [];
  sockets = new Set();
  tokens = new Set();
  turns = new Map();
  results = new Map();
  lostOnce = false;
  refusing = false;
  connections = [
    {
      id: "con_1",
      name: "Sample shop",
      dialect: "sqlite",
      status: "ready",
      status_message: "4 tables, 31 columns",
      created_ms: Date.now(),
    },
  ];

  async answer(request, response) {
    if (this.refusing) return request.socket.destroy();
    const path = new URL(request.url, "http://mock").pathname;
    if (!path.startsWith("/v1/")) return this.file(path, response);
    const body = await readBody(request);
    const [status, answer] = this.route(request, path, body);
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(answer));
  }

  async file(path, response) {
    const name = path === "/" ? "index.html" : normalize(path).replace(/^\/+/, "");
    const body = await readFile(join(DIST, name)).catch(() => null);
    response.writeHead(body ? 200 : 404, {
      "content-type": TYPES[extname(name)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
    });
    response.end(body ?? "");
  }

  route(request, path, body) {
    if (path === "/v1/auth/login") return this.login(body);
    const token = request.headers.authorization?.replace("Bearer ", "");
    if (!this.tokens.has(token)) return failure(401, "unauthorized", "Sign in.");
    const [, , kind, id, part] = path.split("/");
    if (kind === "me") return [200, this.who()];
    if (kind === "connections") this.askedFor.push(request.headers["x-askline-business"]);
    if (kind === "connections") return this.connectionRoute(request.method, id, part, body);
    if (kind === "conversations" && id) return [200, { data: this.history(id) }];
    if (kind === "conversations") return [200, { data: this.conversations() }];
    if (kind === "results" && this.results.has(id)) return [200, this.results.get(id)];
    return failure(404, "not_found", "There is no such thing.");
  }

  login({ email, password }) {
    if (email !== this.email || password !== this.password) return failure(401, "invalid_credentials", "Wrong.");
    const token = `token.${randomUUID()}`;
    this.tokens.add(token);
    return [200, { token, expires_at_ms: Date.now() + 7_200_000, ...this.who() }];
  }

  who() {
    const named = ([business, business_name]) => ({ business, business_name, role: this.role });
    const businesses = Object.entries(this.names).map(named);
    return { user: { id: "usr_1", email: this.email }, businesses };
  }

  connectionRoute(method, id, part, body) {
    if (part === "suggestions") return [200, { data: SUGGESTIONS }];
    if (part === "test") return [202, { response_id: this.test(this.connections.find((one) => one.id === id)) }];
    if (method === "GET") return [200, { data: this.connections }];
    if (this.connections.some((one) => one.name === body.name)) {
      return failure(409, "name_taken", "There is a connection of that name. Choose another name.");
    }
    const connection = {
      id: `con_${this.connections.length + 1}`,
      name: body.name,
      dialect: body.dialect,
      status: "new",
      status_message: "",
      created_ms: Date.now(),
      url: body.url,
    };
    this.connections.push(connection);
    return [201, { connection, response_id: this.test(connection) }];
  }

  test(connection) {
    const works = !connection.url?.includes("wrong");
    return this.begin({ question: "", conversation: null, connection: connection.id }, testScript(works), () => {
      connection.status = works ? "ready" : "failed";
      connection.status_message = works ? "7 tables, 52 columns" : "The password was not accepted. Check the URL.";
    }).id;
  }

  conversations() {
    const byId = new Map();
    for (const turn of this.turns.values()) {
      if (!turn.conversation) continue;
      const known = byId.get(turn.conversation);
      byId.set(turn.conversation, {
        id: turn.conversation,
        title: known?.title ?? turn.question,
        updated_ms: turn.created_ms,
        turns: (known?.turns ?? 0) + 1,
      });
    }
    return [...byId.values()].reverse();
  }

  history(conversation) {
    return [...this.turns.values()].filter((turn) => turn.conversation === conversation).map(stored);
  }

  upgrade(request, socket) {
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
    const token = offered.find((one) => one.startsWith("bearer."))?.slice("bearer.".length);
    if (this.refusing || !offered.includes("askline") || !this.tokens.has(token)) return socket.destroy();
    const accepted = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accepted}\r\nSec-WebSocket-Protocol: askline\r\n\r\n`,
    );
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    const send = accept(socket, (text) => this.frame(JSON.parse(text), socket, send));
    socket.closeWith = (code) => send.close(code);
    send({ type: "session.created", session_id: randomUUID(), ttl: 7200, ping_interval_ms: 25_000, limits: {} });
  }

  frame(frame, socket, send) {
    if (frame.type === "ping") return send({ type: "pong", t: frame.t });
    if (frame.type === "response.create") return this.create(frame, socket, send);
    if (frame.type === "response.subscribe") return this.subscribe(frame, send);
    if (frame.type === "response.cancel") return this.cancel(frame.response_id);
  }

  create(frame, socket, send) {
    this.creates.push(frame);
    const key = frame.idempotency_key;
    if (frame.input.includes("lost create") && !this.lostOnce) {
      this.lostOnce = true;
      return socket.destroy();
    }
    if (frame.input.includes("refused")) {
      const message = "The queue cannot be reached. Try again in a few seconds.";
      return send({ type: "error", code: "queue_unavailable", message, retryable: true, idempotency_key: key });
    }
    const known = [...this.turns.values()].find((turn) => turn.key === key);
    const asked = {
      key,
      question: frame.input,
      conversation: frame.conversation ?? `conv_${randomUUID().slice(0, 8)}`,
      connection: frame.connection ?? null,
    };
    this.follow(known ?? this.begin(asked, scriptFor(frame.input)), -1, send);
  }

  begin(asked, script, atEnd = () => {}) {
    const turn = {
      id: `resp_${randomUUID().slice(0, 8)}`,
      created_ms: Date.now(),
      state: "accepted",
      log: [],
      watchers: new Set(),
      ...asked,
    };
    this.turns.set(turn.id, turn);
    void this.play(turn, script, atEnd);
    return turn;
  }

  /** Plays a script: events, waits in milliseconds, and faults. */
  async play(turn, script, atEnd) {
    for (const entry of script) {
      if (turn.cancelled) break;
      if (typeof entry === "number") await new Promise((resolve) => setTimeout(resolve, entry));
      else if (entry === "drop") this.sockets.forEach((socket) => socket.destroy());
      else if (entry === "restart") this.sockets.forEach((socket) => socket.closeWith(1012));
      else if (entry.result) this.results.set(`res_${turn.id}`, entry.result);
      else this.emit(turn, entry);
    }
    if (turn.cancelled) this.emit(turn, { type: "response.incomplete", end: { reason: "cancelled" } });
    atEnd();
  }

  emit(turn, event) {
    const { end, ...rest } = event;
    const whole =
      rest.type.startsWith("response.askline.") || !isLifecycle(rest.type)
        ? rest
        : { ...rest, response: responseOf(turn, rest.type, end) };
    const logged = { ...whole, response_id: turn.id };
    if (rest.type !== "response.askline.queue.position") logged.sequence_number = turn.log.push(logged) - 1;
    if (end) Object.assign(turn, stateOf(rest.type, end, this.results.has(`res_${turn.id}`) ? `res_${turn.id}` : null));
    turn.watchers.forEach((send) => send(logged));
  }

  follow(turn, after, send) {
    turn.log.filter((event) => event.sequence_number > after).forEach((event) => send(event));
    turn.watchers.add(send);
  }

  subscribe(frame, send) {
    this.subscribes.push(frame);
    const turn = this.turns.get(frame.response_id);
    if (turn) return this.follow(turn, frame.starting_after ?? -1, send);
    send({ type: "error", code: "not_found", message: "There is no such response.", response_id: frame.response_id });
  }

  cancel(id) {
    this.cancels.push(id);
    const turn = this.turns.get(id);
    if (turn) turn.cancelled = true;
  }
}

const SUGGESTIONS = [
  "How many customers do we have?",
  "Which category sells best?",
  "Show me the orders of last month",
  "Who are our ten best customers by revenue?",
];

function isLifecycle(type) {
  return ["created", "queued", "in_progress", "completed", "failed", "incomplete"].includes(
    type.replace("response.", ""),
  );
}

function responseOf(turn, type, end) {
  const output = end?.text
    ? [{ id: "msg_1", type: "message", status: "completed", content: [{ type: "output_text", text: end.text }] }]
    : [];
  return {
    id: turn.id,
    status: type.replace("response.", ""),
    output,
    error: end?.error ?? null,
    incomplete_details: end?.reason ? { reason: end.reason } : null,
    usage: end ? { input_tokens: 912, output_tokens: 96, total_tokens: end.tokens ?? 0 } : null,
    conversation: turn.conversation ? { id: turn.conversation } : null,
    metadata: {
      ...(turn.key ? { idempotency_key: turn.key } : {}),
      ...(end?.sql ? { sql: end.sql, result_id: `res_${turn.id}` } : {}),
    },
  };
}

function stateOf(type, end, resultId) {
  return {
    state: type.replace("response.", ""),
    answer: end.text ?? null,
    sql: end.sql ?? null,
    result_id: resultId,
    error: end.error ?? null,
    reason: end.reason ?? null,
  };
}

function stored(turn) {
  const {
    id,
    question,
    state,
    answer = null,
    sql = null,
    result_id = null,
    error = null,
    reason = null,
    created_ms,
    connection,
  } = turn;
  return { id, question, state, answer, sql, result_id, error, reason, created_ms, connection };
}

function failure(status, code, message) {
  return [status, { error: { code, message, type: "invalid_request_error", param: null } }];
}

async function readBody(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const mock = await startMock(Number(process.env.PORT ?? 8099));
  console.log(`${mock.url}  ${mock.email}  ${mock.password}`);
}
