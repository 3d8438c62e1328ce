import { useEffect, useRef } from "react";
import type { ChatState } from "../store/chat";
import { ago } from "../text/format";
import { isOver } from "../turn/model";
import type { Business, ConversationSummary, Login } from "../wire";
import { Close, Database, Mark, Plus } from "./icons";
import { CONNECTIONS, conversationPath, type Route } from "./route";

interface Props {
  state: ChatState;
  login: Login;
  business: Business;
  route: Route;
  /** On a phone the list is a drawer. */
  open: boolean;
  onClose: () => void;
  onNew: () => void;
  onBusiness: (id: string) => void;
  onSignOut: () => void;
}

export function Sidebar({ state, login, business, route, open, onClose, onNew, onBusiness, onSignOut }: Props) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (open) close.current?.focus();
  }, [open]);
  return (
    <aside id="sidebar" className={open ? "sidebar sidebar--open" : "sidebar"} aria-label="Conversations">
      <div className="sidebar__head">
        <Mark />
        <div className="sidebar__brand">
          <strong>Askline</strong>
          <BusinessName login={login} business={business} onBusiness={onBusiness} />
        </div>
        <button ref={close} type="button" className="icon-button sidebar__close" aria-label="Close" onClick={onClose}>
          <Close />
        </button>
      </div>
      <button type="button" className="button button--wide" onClick={onNew}>
        <Plus /> New question
      </button>
      <nav className="sidebar__list" aria-label="Earlier conversations">
        <Conversations state={state} route={route} onClose={onClose} />
      </nav>
      <div className="sidebar__foot">
        <a
          className="nav-link"
          href={CONNECTIONS}
          aria-current={route.page === "connections" ? "page" : undefined}
          onClick={onClose}
        >
          <Database /> Connections
        </a>
        <div className="sidebar__user">
          <span title={login.user.email}>{login.user.email}</span>
          <button type="button" className="link" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      </div>
    </aside>
  );
}

interface BusinessProps {
  login: Login;
  business: Business;
  onBusiness: (id: string) => void;
}

function BusinessName({ login, business, onBusiness }: BusinessProps) {
  if (login.businesses.length < 2) return <span>{business.business_name}</span>;
  return (
    <select aria-label="Business" value={business.business} onChange={(event) => onBusiness(event.target.value)}>
      {login.businesses.map((one) => (
        <option key={one.business} value={one.business}>
          {one.business_name}
        </option>
      ))}
    </select>
  );
}

interface ListProps {
  state: ChatState;
  route: Route;
  onClose: () => void;
}

function Conversations({ state, route, onClose }: ListProps) {
  if (!state.conversations) return <p className="sidebar__empty">Loading…</p>;
  if (state.conversations.length === 0) return <p className="sidebar__empty">Your conversations will appear here.</p>;
  const running = new Set(state.turns.filter((turn) => !isOver(turn)).map((turn) => turn.conversation));
  return (
    <ul>
      {state.conversations.map((one) => (
        <li key={one.id}>
          <Entry
            one={one}
            current={route.page !== "connections" && one.id === state.conversation}
            running={running.has(one.id)}
            onClose={onClose}
          />
        </li>
      ))}
    </ul>
  );
}

interface EntryProps {
  one: ConversationSummary;
  current: boolean;
  running: boolean;
  onClose: () => void;
}

function Entry({ one, current, running, onClose }: EntryProps) {
  return (
    <a
      className="nav-link nav-link--conversation"
      href={conversationPath(one.id)}
      aria-current={current ? "page" : undefined}
      onClick={onClose}
    >
      <span className="nav-link__title">{one.title || "Untitled"}</span>
      <span className="nav-link__meta">
        {running ? <span className="pulse">Answering…</span> : ago(one.updated_ms, Date.now())}
        {one.turns > 1 && ` · ${one.turns} questions`}
      </span>
    </a>
  );
}
