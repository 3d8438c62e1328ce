/** A value that components watch with `useSyncExternalStore`. */
export class Observable<State> {
  private readonly watchers = new Set<() => void>();

  constructor(private current: State) {}

  readonly get = (): State => this.current;

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  protected set(change: Partial<State>): void {
    this.current = { ...this.current, ...change };
    for (const watcher of this.watchers) watcher();
  }
}
