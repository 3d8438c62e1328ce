import { useState, type FormEvent } from "react";
import type { ChatStore } from "../store/chat";

const EXAMPLES: Record<string, string> = {
  sqlite: "sqlite:///var/data/shop.sqlite",
  postgres: "postgres://reader:password@db.example.com:5432/shop",
  mysql: "mysql://reader:password@db.example.com:3306/shop",
};

export function ConnectionForm({ store }: { store: ChatStore }) {
  const [name, setName] = useState("");
  const [dialect, setDialect] = useState("postgres");
  const [url, setUrl] = useState("");
  const [writeUrl, setWriteUrl] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [added, setAdded] = useState(0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const isFile = dialect === "file";

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy || (isFile && !file)) return;
    setBusy(true);
    const failure = await (isFile && file
      ? store.addFile(name.trim(), file)
      : store.addConnection({ name: name.trim(), dialect, url: url.trim(), write_url: writeUrl.trim() || undefined }));
    setBusy(false);
    setProblem(failure?.message ?? null);
    if (failure) return;
    setName("");
    setUrl("");
    setWriteUrl("");
    setFile(null);
    setAdded(added + 1);
  }

  return (
    <form className="connection-form" aria-labelledby="connection-form-title" onSubmit={submit}>
      <h2 id="connection-form-title">Add a connection</h2>
      <div className="connection-form__row">
        <label className="field">
          <span>Name</span>
          <input name="name" required maxLength={80} value={name} onChange={(e) => setName(e.target.value)} />
        </label>
        <label className="field">
          <span>Kind</span>
          <select name="dialect" value={dialect} onChange={(e) => setDialect(e.target.value)}>
            <option value="postgres">PostgreSQL</option>
            <option value="mysql">MySQL or MariaDB</option>
            <option value="sqlite">SQLite</option>
            <option value="file">CSV or Excel file</option>
          </select>
        </label>
      </div>
      {isFile ? (
        <>
          <label className="field">
            <span>File</span>
            {/* A browser lets nobody empty a file input: after each upload there is a new one. */}
            <input
              key={added}
              name="file"
              type="file"
              required
              accept=".csv,.tsv,.txt,.xlsx"
              aria-describedby="file-hint"
              onChange={(e) => setFile(e.target.files?.[0] ?? null)}
            />
          </label>
          <p id="file-hint" className="field-hint">
            The first row may name the columns. Each sheet of a workbook becomes a table.
          </p>
        </>
      ) : (
        <>
          <UrlField
            name="url"
            label="URL"
            required
            example={EXAMPLES[dialect]}
            value={url}
            onChange={setUrl}
            hint="Use an account that may only read. The URL is stored encrypted and never shown again."
          />
          <UrlField
            name="write_url"
            label="URL for changes (optional)"
            value={writeUrl}
            onChange={setWriteUrl}
            hint="A second account, which may write. Without it nothing is ever changed; with it each change waits until a person approves it."
          />
        </>
      )}
      {problem && (
        <p className="field-problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" className="button button--primary" disabled={busy}>
        {busy ? "Adding…" : "Add and test"}
      </button>
    </form>
  );
}

interface UrlFieldProps {
  name: string;
  label: string;
  hint: string;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
  example?: string;
}

function UrlField({ name, label, hint, value, onChange, required = false, example }: UrlFieldProps) {
  return (
    <>
      <label className="field">
        <span>{label}</span>
        <input
          name={name}
          required={required}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder={example}
          value={value}
          aria-describedby={`${name}-hint`}
          onChange={(e) => onChange(e.target.value)}
        />
      </label>
      <p id={`${name}-hint`} className="field-hint">
        {hint}
      </p>
    </>
  );
}
