import type { ChatState, ChatStore } from "../store/chat";
import { Close, Warning } from "./icons";

/** What concerns the whole page rather than one question. */
export function Banners({ store, state }: { store: ChatStore; state: ChatState }) {
  return (
    <>
      {state.link.state === "refused" && (
        <div className="banner banner--bad" role="alert">
          <Warning />
          <p>{state.link.message}</p>
        </div>
      )}
      {state.expiringIn !== null && state.link.state !== "expired" && (
        <div className="banner" role="status">
          <Warning />
          <p>Your session ends within a minute. You will be asked to sign in again; running questions go on.</p>
        </div>
      )}
      {state.problem && (
        <div className="banner banner--bad" role="alert">
          <Warning />
          <p>{state.problem.message}</p>
          <button
            type="button"
            className="icon-button"
            aria-label="Dismiss this message"
            onClick={() => store.dismissProblem()}
          >
            <Close />
          </button>
        </div>
      )}
    </>
  );
}
