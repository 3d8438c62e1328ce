import { useEffect, useRef, useState, useSyncExternalStore, type RefObject } from "react";
import { isDraft, type ChatStore } from "../store/chat";
import type { Business, Login } from "../wire";
import { ConnectionsView } from "./ConnectionsView";
import { ConversationView } from "./ConversationView";
import { Menu } from "./icons";
import { LinkStatus } from "./LinkStatus";
import { conversationIn, conversationPath, NEW, useRoute } from "./route";
import { Sidebar } from "./Sidebar";

interface Props {
  store: ChatStore;
  login: Login;
  business: Business;
  onBusiness: (id: string) => void;
  onSignOut: () => void;
}

export function Workspace({ store, login, business, onBusiness, onSignOut }: Props) {
  const state = useSyncExternalStore(store.watch, store.get);
  const [route, replace] = useRoute();
  const [drawer, setDrawer] = useState(false);
  const wanted = conversationIn(route);

  useEffect(() => {
    if (wanted && store.get().conversation !== wanted) void store.openConversation(wanted);
    if (route.page === "new" && !isDraft(store.get().conversation)) store.newConversation();
  }, [wanted, route.page, store]);

  // The server has named the conversation on show: put its name into the address.
  useEffect(() => {
    if (route.page === "new" && !isDraft(state.conversation)) replace(conversationPath(state.conversation));
    // Only a change of the conversation counts: a change of the route is the effect above.
  }, [state.conversation]);

  const menu = useRef<HTMLButtonElement>(null);
  useEffect(() => setDrawer(false), [route]);
  useFocusBack(drawer, menu);
  useEscape(drawer, () => setDrawer(false));

  function begin() {
    store.newConversation();
    replace(NEW);
    setDrawer(false);
    requestAnimationFrame(() => document.getElementById("question")?.focus());
  }

  const title = titleOf(route.page, state.conversations?.find((one) => one.id === state.conversation)?.title);
  useEffect(() => {
    document.title = `${title} · Askline`;
    return () => {
      document.title = "Askline";
    };
  }, [title]);
  return (
    <div className="workspace">
      <a
        className="skip-link"
        href="#question"
        onClick={(event) => {
          event.preventDefault();
          (document.getElementById("question") ?? document.getElementById("main"))?.focus();
        }}
      >
        Skip to the question
      </a>
      <Sidebar
        state={state}
        login={login}
        business={business}
        route={route}
        open={drawer}
        onClose={() => setDrawer(false)}
        onNew={begin}
        onBusiness={onBusiness}
        onSignOut={onSignOut}
      />
      <div className="stage" inert={drawer}>
        <header className="bar">
          <button
            ref={menu}
            type="button"
            className="icon-button bar__menu"
            aria-label="Open the list of conversations"
            aria-expanded={drawer}
            aria-controls="sidebar"
            onClick={() => setDrawer(true)}
          >
            <Menu />
          </button>
          <h1 className="bar__title">{title}</h1>
          <LinkStatus link={state.link} onRetry={() => store.retryNow()} />
        </header>
        {route.page === "connections" ? (
          <ConnectionsView store={store} state={state} business={business} />
        ) : (
          <ConversationView key={state.conversation} store={store} state={state} business={business} />
        )}
      </div>
      {drawer && <div className="scrim" onClick={() => setDrawer(false)} />}
    </div>
  );
}

function titleOf(page: string, conversation: string | undefined): string {
  if (page === "connections") return "Connections";
  return conversation ?? "New question";
}

/** A drawer that closes takes the focus with it: it goes back to the button that opened it. */
function useFocusBack(drawer: boolean, menu: RefObject<HTMLButtonElement | null>): void {
  useEffect(() => {
    if (!drawer) return;
    return () => {
      const focused = document.activeElement;
      if (focused === document.body || focused?.closest(".sidebar")) menu.current?.focus();
    };
  }, [drawer, menu]);
}

export function useEscape(active: boolean, act: () => void): void {
  useEffect(() => {
    if (!active) return;
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  });
}
