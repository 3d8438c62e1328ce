import { Api, ApiError } from "../http";
import type { Business, Login } from "../wire";
import { chooseBusiness, chosenBusiness, forgetRunning, keepLogin, keptLogin } from "./kept";
import { Observable } from "./observable";

export interface SessionState {
  login: Login | null;
  /** The business that the user has chosen; the first when it is not one of the user's. */
  chosen: string | null;
  /** The login has ended while the page was in use: what is on show stays, behind the sign-in form. */
  expired: boolean;
}

/** Who is signed in. */
export class Session extends Observable<SessionState> {
  readonly api = new Api(() => ({
    token: this.get().login?.token ?? null,
    business: this.business()?.business ?? null,
  }));

  constructor() {
    super({ login: keptLogin(Date.now()), chosen: chosenBusiness(), expired: false });
  }

  /** The business on whose behalf everything is done. */
  business(): Business | undefined {
    const { login, chosen } = this.get();
    return login?.businesses.find((one) => one.business === chosen) ?? login?.businesses[0];
  }

  chooseBusiness(id: string): void {
    chooseBusiness(id);
    this.set({ chosen: id });
  }

  /** Signs in; the message to show when that did not work. */
  async signIn(email: string, password: string): Promise<string | null> {
    try {
      const login = await this.api.login(email.trim(), password);
      keepLogin(login);
      this.set({ login, expired: false });
      return null;
    } catch (error) {
      if (error instanceof ApiError) return explainSignIn(error);
      throw error;
    }
  }

  signOut(): void {
    keepLogin(null);
    this.get().login?.businesses.forEach(forgetRunning);
    this.set({ login: null, expired: false });
  }

  readonly expire = (): void => {
    if (this.get().login) this.set({ expired: true });
  };
}

function explainSignIn(error: ApiError): string {
  if (error.status === 401) return "The e-mail address or the password is wrong. Check both and try again.";
  return error.message;
}
