import { useEffect, useState, useSyncExternalStore } from "react";
import { ChatStore, type World } from "../store/chat";
import type { Session } from "../store/session";
import type { Business, Login } from "../wire";
import { conversationIn, currentRoute, NEW } from "./route";
import { SignIn } from "./SignIn";
import { Workspace } from "./Workspace";

export function App({ session }: { session: Session }) {
  const { login, expired } = useSyncExternalStore(session.watch, session.get);
  if (!login) return <SignIn session={session} again={false} />;
  const business = session.business();
  if (!business) return <NoBusiness login={login} onSignOut={() => session.signOut()} />;
  return (
    <>
      <SignedIn key={`${login.user.id} ${business.business}`} session={session} login={login} business={business} />
      {expired && <SignIn session={session} again />}
    </>
  );
}

interface SignedInProps {
  session: Session;
  login: Login;
  business: Business;
}

function SignedIn({ session, login, business }: SignedInProps) {
  // The key makes a new component of another user or business; a renewed login of the same goes on with its store.
  const [store] = useState(() => new ChatStore(session.api, login.user, business, browser(session.expire)));
  useEffect(() => {
    store.start(session.get().login?.token ?? "", conversationIn(currentRoute()));
    return () => store.stop();
  }, [store, session]);
  useRenewal(session, store);
  useReturn(store);
  const choose = (id: string) => {
    location.hash = NEW;
    session.chooseBusiness(id);
  };
  return (
    <Workspace
      store={store}
      login={login}
      business={business}
      onBusiness={choose}
      onSignOut={() => session.signOut()}
    />
  );
}

/** A new sign-in of the same user goes on with the same state. */
function useRenewal(session: Session, store: ChatStore): void {
  useEffect(() => {
    let token = session.get().login?.token;
    return session.watch(() => {
      const next = session.get().login?.token;
      if (next && next !== token) store.renew(next);
      token = next;
    });
  }, [session, store]);
}

/** Coming back to the page or online is no time to wait for a backoff. */
function useReturn(store: ChatStore): void {
  useEffect(() => {
    const back = () => document.visibilityState === "visible" && store.retryNow();
    const leave = () => store.keepNow();
    window.addEventListener("online", back);
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", back);
    return () => {
      window.removeEventListener("online", back);
      window.removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", back);
    };
  }, [store]);
}

function NoBusiness({ login, onSignOut }: { login: Login; onSignOut: () => void }) {
  return (
    <main className="sign-in">
      <div className="sign-in__card">
        <h1>No access yet</h1>
        <p>{login.user.email} belongs to no business. Ask an administrator to add you, then sign in again.</p>
        <button type="button" className="button button--wide" onClick={onSignOut}>
          Sign out
        </button>
      </div>
    </main>
  );
}

function browser(expired: () => void): World {
  const url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/v1/responses`;
  return {
    open: (protocols) => new WebSocket(url, protocols),
    random: Math.random,
    now: Date.now,
    newId,
    expired,
  };
}

/** `crypto.randomUUID` is missing on plain http beyond localhost. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
