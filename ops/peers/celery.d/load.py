"""A closed loop of chains, by the real clock. It knows nothing of what carries them."""

import math
import threading
import time
from dataclasses import dataclass, field

# Starting a chain waits for the broker's confirm, so one thread alone would bound the rate.
SENDERS = 4
LOOK_S = 0.1


@dataclass
class Run:
    """A stretch of load: its bounds, and what came to an end in it."""

    concurrency: int
    end: float
    last: float
    begin: float
    last_end: float
    durations: list[float] = field(default_factory=list)
    lost: int = 0
    is_closed: bool = False

    @property
    def rate(self):
        return len(self.durations) / (self.last_end - self.begin) if self.durations else 0.0


class Load:
    """`start` is called with the id of a chain, by several threads at a time. Whoever carries the chains calls `ended`
    with the id. `watch` is called now and then, and may raise."""

    def __init__(self, start, watch=lambda: None):
        self.start, self.watch = start, watch
        self.changed = threading.Condition()
        self.started = 0
        self.under_way = {}
        self.senders = []
        self.current = None
        self.failure = None

    def ended(self, chain):
        """A second end of a chain counts nothing, nor does one that comes after the patience."""
        now = time.monotonic()
        with self.changed:
            began = self.under_way.pop(chain, None)
            if began is None:
                return
            self.current.durations.append(now - began)
            self.current.last_end = now
            self.changed.notify_all()

    def fail(self, error):
        """Ends the run with this error, and every later one."""
        with self.changed:
            self.failure = self.failure or error
            self.changed.notify_all()

    def run(self, concurrency, seconds=math.inf, chains=math.inf, patience=30.0):
        """Keeps `concurrency` chains under way until the time is over or so many were started, and waits for the rest.
        When no chain ended for as long as the patience is, those under way are lost."""
        begin = time.monotonic()
        run = self.current = Run(concurrency, begin + seconds, self.started + chains, begin, begin)
        self.senders = [threading.Thread(target=self._send, args=(run,), daemon=True) for _ in range(SENDERS)]
        for sender in self.senders:
            sender.start()
        with self.changed:
            while not self._is_done(run) and time.monotonic() < run.last_end + patience:
                self.changed.wait(LOOK_S)
                self._check()
            self._check()
            run.is_closed = True
            run.lost = len(self.under_way)
            self.under_way.clear()
        return run

    def close(self, seconds=5.0):
        """Nothing is started any more."""
        self.fail(RuntimeError("closed"))
        for sender in self.senders:
            sender.join(seconds)

    def _check(self):
        self.watch()
        if self.failure:
            raise self.failure

    def _is_over(self, run):
        return run.is_closed or self.failure or time.monotonic() >= run.end or self.started >= run.last

    def _is_done(self, run):
        return self._is_over(run) and not self.under_way

    def _send(self, run):
        try:
            while (chain := self._begin(run)) is not None:
                self.start(chain)
        except Exception as error:
            self.fail(error)

    def _begin(self, run):
        """Waits for a free place. The id of a chain that is under way from now on, or None when the run is over."""
        with self.changed:
            while not self._is_over(run):
                if len(self.under_way) < run.concurrency:
                    self.started += 1
                    chain = str(self.started)
                    self.under_way[chain] = time.monotonic()
                    return chain
                self.changed.wait(LOOK_S)
        return None


def percentile(values, share):
    """By nearest rank; None of nothing."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)), 1) - 1] if ranked else None
