import { useEffect, useRef, useState, type FormEvent } from "react";
import type { Session } from "../store/session";
import { Mark } from "./icons";

interface Props {
  session: Session;
  /** The login has ended: the form lies over the page, which goes on afterwards. */
  again: boolean;
}

export function SignIn({ session, again }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!again) return;
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLInputElement>("[name=password]")?.focus();
  }, [again]);
  if (!again) {
    return (
      <main className="sign-in">
        <Form session={session} title="Sign in to Askline" lead="Ask your database in your own words." />
      </main>
    );
  }
  return (
    <dialog
      ref={dialog}
      className="sign-in-again"
      aria-labelledby="sign-in-title"
      onKeyDown={(event) => event.key === "Escape" && event.preventDefault()}
      onCancel={(event) => event.preventDefault()}
    >
      <Form
        session={session}
        title="Sign in again"
        lead="Your session has ended. Nothing is lost: running questions go on, and you carry on where you were."
      />
      <button type="button" className="link" onClick={() => session.signOut()}>
        Sign out instead
      </button>
    </dialog>
  );
}

function Form({ session, title, lead }: { session: Session; title: string; lead: string }) {
  const [email, setEmail] = useState(session.get().login?.user.email ?? "");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(null);
    const failed = await session.signIn(email, password);
    setBusy(false);
    setProblem(failed);
  }

  return (
    <form className="sign-in__card" onSubmit={submit} aria-labelledby="sign-in-title">
      <Mark size={40} />
      <h1 id="sign-in-title">{title}</h1>
      <p className="sign-in__lead">{lead}</p>
      <label className="field">
        <span>E-mail</span>
        <input
          name="email"
          type="email"
          autoComplete="username"
          required
          autoFocus={email === ""}
          value={email}
          onChange={(e) => setEmail(e.target.value)}
        />
      </label>
      <label className="field">
        <span>Password</span>
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          required
          autoFocus={email !== ""}
          value={password}
          onChange={(e) => setPassword(e.target.value)}
        />
      </label>
      {problem && (
        <p className="field-problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" className="button button--primary button--wide" disabled={busy}>
        {busy ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}
