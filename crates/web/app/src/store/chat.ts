import type { Api, NewConnection } from "../http";
import { ApiError } from "../http";
import { SocketClient, type Link, type Listener, type SocketLike } from "../socket/client";
import { fromHistory, merge } from "../turn/history";
import { fromApproval, newer } from "../turn/change";
import { isOver, newTurn, type Turn } from "../turn/model";
import { reduce } from "../turn/reduce";
import type {
  Approval,
  Business,
  Connection,
  ConversationSummary,
  CreateFrame,
  ErrorFrame,
  Failure,
  ResponseEvent,
  User,
} from "../wire";
import { chooseConnection, chosenConnection, keepRunning, keptRunning, type Running } from "./kept";
import { Observable } from "./observable";

export interface ChatState {
  link: Link;
  /** Seconds left when the server says that the login ends soon. */
  expiringIn: number | null;
  connections: Connection[] | null;
  connection: string | null;
  conversations: ConversationSummary[] | null;
  suggestions: string[];
  /** The conversation on show: `conv_…` or a draft of this page. */
  conversation: string;
  /** True while the history of the conversation on show is fetched. */
  loading: boolean;
  /** Every turn that this page knows, of any conversation, oldest first. */
  turns: Turn[];
  problem: Failure | null;
}

export interface World {
  open(protocols: string[]): SocketLike;
  random(): number;
  now(): number;
  newId(): string;
  /** The token is no longer accepted. */
  expired(): void;
}

const DRAFT = "draft_";
const KEEP_EVERY_MS = 400;

export function isDraft(conversation: string): boolean {
  return conversation.startsWith(DRAFT);
}

/** The state of the chat and all that changes it. */
export class ChatStore extends Observable<ChatState> {
  private readonly socket: SocketClient;
  private keeping: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: Api,
    private readonly user: User,
    private readonly business: Business,
    private readonly world: World,
  ) {
    super({
      link: { state: "connecting" },
      expiringIn: null,
      connections: null,
      connection: null,
      conversations: null,
      suggestions: [],
      conversation: DRAFT + world.newId(),
      loading: false,
      turns: [],
      problem: null,
    });
    const deps = { open: world.open, random: world.random, tokenIsValid: () => this.tokenIsValid() };
    this.socket = new SocketClient(deps, this.listener());
  }

  /** Opens the socket, takes up what was running before a reload, and loads the lists. */
  start(token: string, conversation: string | null): void {
    this.takeUp(keptRunning(this.user, this.business), conversation);
    this.socket.start(token);
    void this.loadConnections();
    void this.loadConversations();
  }

  stop(): void {
    clearTimeout(this.keeping);
    this.socket.stop();
  }

  renew(token: string): void {
    this.set({ expiringIn: null });
    this.socket.renew(token);
  }

  retryNow(): void {
    this.socket.retryNow();
  }

  /** The turns of the conversation on show. */
  shown(state: ChatState = this.get()): Turn[] {
    return state.turns.filter((turn) => turn.conversation === state.conversation && !turn.testOf);
  }

  ask(question: string): void {
    const input = question.trim();
    if (!input || !this.get().connection) return;
    const turn = newTurn({
      key: this.world.newId(),
      conversation: this.get().conversation,
      connection: this.get().connection,
      question: input,
      createdMs: this.world.now(),
    });
    this.set({ turns: [...this.get().turns, turn], problem: null });
    this.keepSoon();
    this.socket.create(this.frame(turn));
  }

  /** Sends a question that was not taken once more. The same key may reopen it on the server. */
  askAgain(key: string): void {
    const old = this.find((turn) => turn.key === key);
    if (!old) return;
    if (old.responseId) return this.ask(old.question);
    const turn = newTurn({ ...old, createdMs: this.world.now() });
    this.update(key, () => turn);
    this.socket.create(this.frame(turn));
  }

  /** Stops a turn. Before the server has named it, the stop waits for the name. */
  cancel(key: string): void {
    const turn = this.find((one) => one.key === key);
    if (!turn || isOver(turn) || turn.stopping) return;
    this.update(key, (one) => ({ ...one, stopping: true }));
    if (turn.responseId) this.socket.cancel(turn.responseId);
  }

  newConversation(): void {
    this.set({ conversation: DRAFT + this.world.newId(), loading: false, problem: null });
  }

  async openConversation(id: string): Promise<void> {
    const known = this.get().turns.some((turn) => turn.conversation === id);
    this.set({ conversation: id, loading: !known, problem: null });
    if (isDraft(id)) return this.set({ loading: false });
    await this.guarded(async () => {
      const stored = await this.api.turns(id);
      this.addHistory(
        id,
        stored.map((one) => fromHistory(one, id)),
      );
      this.addChanges(await this.api.approvals());
    });
    if (this.get().conversation === id) this.set({ loading: false });
  }

  async chooseConnection(id: string): Promise<void> {
    chooseConnection(this.business, id);
    this.set({ connection: id, suggestions: [] });
    await this.loadSuggestions();
  }

  /** Rows of a stored result, to show in place of the first few. */
  async loadRows(key: string): Promise<Failure | null> {
    const resultId = this.find((turn) => turn.key === key)?.resultId;
    if (!resultId) return null;
    try {
      const result = await this.api.result(resultId);
      this.update(key, (turn) => ({ ...turn, table: { ...result, rowCount: result.rows.length } }));
      return null;
    } catch (error) {
      return this.asFailure(error);
    }
  }

  /** Says what a person decided, and follows the response that does it. */
  async decide(key: string, word: "approve" | "decline"): Promise<Failure | null> {
    const asking = this.find((turn) => turn.key === key);
    if (!asking?.responseId) return null;
    try {
      const { response_id } = await this.api.decide(asking.responseId, word);
      // Before it is followed: its end may be heard before the change is loaded again.
      this.update(key, (turn) => ({ ...turn, change: turn.change && { ...turn.change, executedAs: response_id } }));
      this.followDecision(asking, response_id, word);
      return null;
    } catch (error) {
      return this.asFailure(error);
    } finally {
      await this.loadChange(key);
    }
  }

  /** Looks how far the change is that a turn asked for. */
  async loadChange(key: string): Promise<void> {
    const responseId = this.find((turn) => turn.key === key)?.responseId;
    if (!responseId) return;
    await this.guarded(async () => this.addChanges([await this.api.approval(responseId)]));
  }

  addConnection(connection: NewConnection): Promise<Failure | null> {
    return this.added(this.api.addConnection(connection));
  }

  addFile(name: string, file: File): Promise<Failure | null> {
    return this.added(this.api.addFile(name, file));
  }

  private async added(adding: ReturnType<Api["addConnection"]>): Promise<Failure | null> {
    try {
      const made = await adding;
      this.set({ connections: [...(this.get().connections ?? []), made.connection] });
      if (made.response_id) this.followTest(made.connection, made.response_id);
      return null;
    } catch (error) {
      return this.asFailure(error);
    }
  }

  async testConnection(connection: Connection): Promise<void> {
    await this.guarded(async () => {
      const started = await this.api.testConnection(connection.id);
      this.followTest(connection, started.response_id);
    });
  }

  /** The newest test of a connection that this page knows of. */
  testOf(connection: string): Turn | undefined {
    return this.get().turns.findLast((turn) => turn.testOf === connection);
  }

  dismissProblem(): void {
    this.set({ problem: null });
  }

  private listener(): Listener {
    return {
      event: (event) => this.eventArrived(event),
      createFailed: (key, error) => this.update(key, (turn) => refused(turn, error)),
      lost: (responseId, error) => this.lost(responseId, error),
      problem: (error) => this.set({ problem: error }),
      link: (link) => this.linkChanged(link),
      expiring: (ttl) => this.set({ expiringIn: ttl }),
    };
  }

  private linkChanged(link: Link): void {
    this.set({ link });
    if (link.state === "expired") this.world.expired();
  }

  private eventArrived(event: ResponseEvent): void {
    const named = event.type === "response.created" ? event.response.metadata?.idempotency_key : undefined;
    const before = this.find((turn) => turn.responseId === event.response_id || turn.key === named);
    if (!before) return;
    const after = reduce(before, event, this.world.now());
    this.update(before.key, () => after);
    this.conversationNamed(before, after);
    if (!before.responseId && before.stopping) this.socket.cancel(event.response_id);
    if (event.type === "response.created" && !after.testOf) void this.loadConversations();
    if (isOver(after) && after.testOf) void this.loadConnections();
    if (isOver(after) && !isOver(before)) this.changeMoved(after);
  }

  /** A turn that asks has ended, or one that does what was decided. */
  private changeMoved(ended: Turn): void {
    const asking = ended.change ? ended : this.find((turn) => turn.change?.executedAs === ended.responseId);
    if (asking) void this.loadChange(asking.key);
  }

  private addChanges(approvals: Approval[]): void {
    for (const approval of approvals) {
      const asking = this.find((turn) => turn.responseId === approval.response_id);
      if (asking) this.update(asking.key, (turn) => ({ ...turn, change: newer(turn.change, fromApproval(approval)) }));
    }
  }

  private followDecision(asking: Turn, responseId: string, word: "approve" | "decline"): void {
    if (this.find((turn) => turn.responseId === responseId)) return;
    const said = word === "approve" ? "Approved" : "Declined";
    const asked = {
      key: responseId,
      conversation: asking.conversation,
      connection: asking.connection,
      question: `${said}: ${asking.question}`,
      createdMs: this.world.now(),
    };
    const turn: Turn = { ...newTurn(asked), responseId, phase: "queued" };
    this.set({ turns: [...this.get().turns, turn] });
    this.keepSoon();
    this.socket.follow(responseId, -1);
  }

  /** The first answer of a draft names its conversation: what was asked meanwhile moves along. */
  private conversationNamed(before: Turn, after: Turn): void {
    const { conversation: draft } = before;
    const { conversation: named } = after;
    if (draft === named) return;
    const state = this.get();
    this.set({
      turns: state.turns.map((turn) => (turn.conversation === draft ? { ...turn, conversation: named } : turn)),
      conversation: state.conversation === draft ? named : state.conversation,
    });
  }

  /** What cannot be followed may have ended long ago: history knows. */
  private lost(responseId: string, error: ErrorFrame): void {
    const turn = this.find((one) => one.responseId === responseId);
    if (!turn) return;
    if (turn.testOf || isDraft(turn.conversation)) return this.update(turn.key, (one) => refused(one, error));
    this.set({ turns: this.get().turns.filter((one) => one !== turn) });
    this.keepSoon();
    if (this.get().conversation === turn.conversation) void this.openConversation(turn.conversation);
  }

  private addHistory(conversation: string, history: Turn[]): void {
    const state = this.get();
    const others = state.turns.filter((turn) => turn.conversation !== conversation || turn.testOf);
    const live = state.turns.filter((turn) => turn.conversation === conversation && !turn.testOf);
    const turns = merge(history, live);
    this.set({ turns: [...others, ...turns] });
    for (const turn of turns) this.followIfRunning(turn);
  }

  /** The address may lag behind: a conversation that was just named, or has no name yet, was kept with its turns. */
  private takeUp(running: Running, conversation: string | null): void {
    const keptShown = running.turns.find((turn) => !turn.testOf && turn.conversation === running.shown)?.conversation;
    const shown = conversation ?? keptShown ?? this.get().conversation;
    this.set({ turns: running.turns, conversation: shown });
    for (const turn of running.turns) {
      if (turn.responseId) this.followIfRunning(turn);
      else this.socket.create(this.frame(turn));
    }
    if (!isDraft(shown)) void this.openConversation(shown);
  }

  private followIfRunning(turn: Turn): void {
    if (isOver(turn) || !turn.responseId) return;
    this.socket.follow(turn.responseId, turn.lastSequence);
    if (turn.stopping) this.socket.cancel(turn.responseId);
  }

  private followTest(connection: Connection, responseId: string): void {
    const asked = {
      key: responseId,
      conversation: "",
      connection: connection.id,
      question: `Test of ${connection.name}`,
      createdMs: this.world.now(),
    };
    const turn: Turn = { ...newTurn(asked), responseId, testOf: connection.id, phase: "queued" };
    this.set({ turns: [...this.get().turns, turn] });
    this.keepSoon();
    this.socket.follow(responseId, -1);
  }

  private frame(turn: Turn): CreateFrame {
    return {
      type: "response.create",
      input: turn.question,
      ...(isDraft(turn.conversation) ? {} : { conversation: turn.conversation }),
      ...(turn.connection ? { connection: turn.connection } : {}),
      metadata: { business_id: this.business.business },
      idempotency_key: turn.key,
    };
  }

  private async loadConnections(): Promise<void> {
    await this.guarded(async () => {
      const connections = await this.api.connections();
      this.set({ connections });
      const usable = connections.filter((one) => one.status === "ready");
      const wanted = this.get().connection ?? chosenConnection(this.business);
      const choice = usable.find((one) => one.id === wanted) ?? usable[0];
      if (choice?.id === this.get().connection) return;
      this.set({ connection: choice?.id ?? null, suggestions: [] });
      await this.loadSuggestions();
    });
  }

  private async loadConversations(): Promise<void> {
    await this.guarded(async () => this.set({ conversations: await this.api.conversations() }));
  }

  private async loadSuggestions(): Promise<void> {
    const connection = this.get().connection;
    if (!connection) return;
    await this.guarded(async () => {
      const suggestions = await this.api.suggestions(connection);
      if (this.get().connection === connection) this.set({ suggestions });
    });
  }

  private find(test: (turn: Turn) => boolean): Turn | undefined {
    return this.get().turns.find(test);
  }

  private update(key: string, change: (turn: Turn) => Turn): void {
    this.set({ turns: this.get().turns.map((turn) => (turn.key === key ? change(turn) : turn)) });
    this.keepSoon();
  }

  /** Writes at once what has never been written, and the rest at intervals: storage is slow, events are many. */
  private keepSoon(): void {
    if (this.keeping !== undefined) return;
    this.keepNow();
    this.keeping = setTimeout(() => {
      this.keeping = undefined;
      this.keepNow();
    }, KEEP_EVERY_MS);
  }

  /** Called as well when the page is about to go. */
  keepNow(): void {
    const { turns, conversation } = this.get();
    keepRunning(this.user, this.business, { shown: conversation, turns: turns.filter((turn) => !isOver(turn)) });
  }

  private async tokenIsValid(): Promise<boolean> {
    return this.api.me().then(
      () => true,
      (error: unknown) => !(error instanceof ApiError && error.status === 401),
    );
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.set({ problem: this.asFailure(error) });
    }
  }

  private asFailure(error: unknown): Failure {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) this.world.expired();
    return { code: error.code, message: error.message };
  }
}

function refused(turn: Turn, error: Failure): Turn {
  return {
    ...turn,
    phase: "failed",
    stopping: false,
    queue: null,
    error: { code: error.code, message: error.message },
  };
}
