import type { Approval, Business, Connection, ConversationSummary, Login, Rows, StoredTurn, User } from "./wire";

/** A request that did not succeed. `status` 0 means that the server could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly param: string | null = null,
  ) {
    super(message);
  }
}

export interface NewConnection {
  name: string;
  dialect?: string;
  url: string;
  /** Of a second account, which may write. */
  write_url?: string;
}

const UNREACHABLE = "Askline cannot be reached. Check that it is running and that you are online, then try again.";

export class Api {
  constructor(private readonly actor: () => { token: string | null; business: string | null }) {}

  login(email: string, password: string): Promise<Login> {
    return this.send("POST", "/v1/auth/login", { email, password });
  }

  me(): Promise<{ user: User; businesses: Business[] }> {
    return this.send("GET", "/v1/me");
  }

  async connections(): Promise<Connection[]> {
    return (await this.send<{ data: Connection[] }>("GET", "/v1/connections")).data;
  }

  addConnection(connection: NewConnection): Promise<{ connection: Connection; response_id: string | null }> {
    return this.send("POST", "/v1/connections", connection);
  }

  async addFile(name: string, file: File): Promise<{ connection: Connection; response_id: string | null }> {
    const form = new FormData();
    form.append("name", name);
    form.append("file", file);
    return this.receive(await this.request("POST", "/v1/connections/files", this.headers(false), form));
  }

  testConnection(id: string): Promise<{ response_id: string }> {
    return this.send("POST", `/v1/connections/${encodeURIComponent(id)}/test`);
  }

  async suggestions(connection: string): Promise<string[]> {
    const path = `/v1/connections/${encodeURIComponent(connection)}/suggestions`;
    return (await this.send<{ data: string[] }>("GET", path)).data;
  }

  async conversations(): Promise<ConversationSummary[]> {
    return (await this.send<{ data: ConversationSummary[] }>("GET", "/v1/conversations")).data;
  }

  async turns(conversation: string): Promise<StoredTurn[]> {
    const path = `/v1/conversations/${encodeURIComponent(conversation)}/turns`;
    return (await this.send<{ data: StoredTurn[] }>("GET", path)).data;
  }

  /** The newest changes that somebody asked for. */
  async approvals(): Promise<Approval[]> {
    return (await this.send<{ data: Approval[] }>("GET", "/v1/approvals")).data;
  }

  approval(response: string): Promise<Approval> {
    return this.send("GET", `/v1/responses/${encodeURIComponent(response)}/approval`);
  }

  decide(response: string, word: "approve" | "decline"): Promise<{ response_id: string }> {
    return this.send("POST", `/v1/responses/${encodeURIComponent(response)}/${word}`);
  }

  result(id: string): Promise<Rows> {
    return this.send("GET", `/v1/results/${encodeURIComponent(id)}`);
  }

  private async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return this.receive(await this.request(method, path, this.headers(body !== undefined), text));
  }

  private request(method: string, path: string, headers: Record<string, string>, body?: BodyInit): Promise<Response> {
    return fetch(path, { method, headers, body, cache: "no-store" }).catch(() => {
      throw new ApiError(0, "unreachable", UNREACHABLE);
    });
  }

  private async receive<T>(response: Response): Promise<T> {
    if (!response.ok) throw await failure(response);
    return (await response.json()) as T;
  }

  private headers(hasBody: boolean): Record<string, string> {
    const { token, business } = this.actor();
    return {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(business ? { "x-askline-business": business } : {}),
      ...(hasBody ? { "content-type": "application/json" } : {}),
    };
  }
}

async function failure(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as {
    error?: { code?: string; message?: string; param?: string | null };
  } | null;
  const error = body?.error;
  return new ApiError(
    response.status,
    error?.code ?? `http_${response.status}`,
    error?.message ?? `The server answered ${response.status} without saying why. Try again in a moment.`,
    error?.param ?? null,
  );
}
