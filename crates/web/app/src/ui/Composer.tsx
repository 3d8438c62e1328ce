import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { ChatState, ChatStore } from "../store/chat";
import { dialectLabel } from "../text/format";
import type { Turn } from "../turn/model";
import { Database, Send, Stop } from "./icons";

interface Props {
  store: ChatStore;
  state: ChatState;
  running: Turn | undefined;
  mayAsk: boolean;
  onAsk: (question: string) => void;
}

const MOST_ROWS = 8;

export function Composer({ store, state, running, mayAsk, onAsk }: Props) {
  const [text, setText] = useState("");
  const ready = mayAsk && state.connection !== null;
  const maySend = ready && !running && text.trim() !== "";
  const input = useReadyFocus(ready);

  function send() {
    if (!maySend) return;
    onAsk(text);
    setText("");
  }

  function pressed(event: KeyboardEvent<HTMLTextAreaElement>) {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  }

  return (
    <form
      className="composer"
      aria-label="Ask a question"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="composer__box">
        <label className="visually-hidden" htmlFor="question">
          Your question
        </label>
        <textarea
          ref={input}
          id="question"
          rows={Math.min(MOST_ROWS, text.split("\n").length)}
          placeholder={placeholder(mayAsk, state)}
          disabled={!ready}
          value={text}
          aria-describedby="composer-hint"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={pressed}
        />
        <div className="composer__tools">
          <ConnectionChooser store={store} state={state} />
          {running ? (
            <button
              type="button"
              className="button button--stop"
              disabled={running.stopping}
              onClick={() => store.cancel(running.key)}
            >
              <Stop /> {running.stopping ? "Stopping…" : "Stop"}
            </button>
          ) : (
            <button type="submit" className="button button--primary button--send" disabled={!maySend}>
              <Send /> Ask
            </button>
          )}
        </div>
      </div>
      <p id="composer-hint" className="composer__hint">
        <span className="composer__keys">
          {running ? "Esc stops the question. " : "Enter asks, Shift+Enter starts a new line. "}
        </span>
        {mayChange(state) ? "Nothing is changed before a person approves it." : "Your data is only read."}
      </p>
    </form>
  );
}

function mayChange(state: ChatState): boolean {
  return state.connections?.some((one) => one.id === state.connection && one.allows_writes) ?? false;
}

/** Puts the cursor where one would type. Not on a phone, where it would raise the keyboard over the page. */
function useReadyFocus(ready: boolean) {
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const idle = document.activeElement === null || document.activeElement === document.body;
    if (ready && idle && matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, [ready]);
  return input;
}

function placeholder(mayAsk: boolean, state: ChatState): string {
  if (!mayAsk) return "You may read answers here, but not ask.";
  if (state.connections && state.connection === null) return "No connection is ready yet.";
  return "Ask about your data…";
}

function ConnectionChooser({ store, state }: { store: ChatStore; state: ChatState }) {
  const ready = (state.connections ?? []).filter((one) => one.status === "ready");
  if (ready.length === 0) return <span />;
  return (
    <label className="chooser">
      <Database />
      <span className="visually-hidden">Database to ask</span>
      <select value={state.connection ?? ""} onChange={(event) => void store.chooseConnection(event.target.value)}>
        {ready.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name} ({dialectLabel(one.dialect)})
          </option>
        ))}
      </select>
    </label>
  );
}
