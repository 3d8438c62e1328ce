"""Measures chains of Celery tasks and prints one line of JSON. Its inputs are environment variables."""

import json
import os
import signal
import sys
import threading

import celery
import redis
from load import Load, percentile
from servers import Failed, check_broker, check_redis, remove_key, remove_queues
from stack import BROKER_URL, CONCURRENCY, ENDED, QUEUES, REDIS_URL, chain_of
from worker import Worker

BYTES = int(os.environ["PEER_BYTES"])
SECONDS = int(os.environ["PEER_SECONDS"])
SINGLE = int(os.environ["PEER_SINGLE"])
WARM_UP_S = 2
START_S = 60


def note(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def listen(ends, load):
    """Tells the load of each chain that ended."""
    try:
        while True:
            if popped := ends.blpop(ENDED, timeout=1):
                load.ended(popped[1].decode())
    except redis.RedisError as error:
        load.fail(Failed(f"Redis no longer gives the ends of chains: {error}", "see to it that it stays up"))


def measure(load):
    note("starting Celery's worker")
    if load.run(1, chains=1, patience=START_S).lost:
        raise Failed(f"Celery did not end its first chain within {START_S} s", "look at its messages above")
    note("warming up")
    warm = load.run(CONCURRENCY, seconds=WARM_UP_S)
    note(f"{CONCURRENCY} chains at a time, {SECONDS} s")
    loaded = load.run(CONCURRENCY, seconds=SECONDS)
    note(f"{SINGLE} chains, one at a time")
    return report(warm, loaded, load.run(1, chains=SINGLE))


def report(warm, loaded, single):
    if not loaded.durations or not single.durations:
        raise Failed("no chain ended", "look at the messages above")
    return {
        "name": "celery",
        "version": celery.__version__,
        "chains_per_s": round(loaded.rate, 1),
        "chains": len(loaded.durations),
        "lost": warm.lost + loaded.lost + single.lost,
        "p50_ms": round(percentile(single.durations, 0.50) * 1000, 2),
        "p99_ms": round(percentile(single.durations, 0.99) * 1000, 2),
    }


def on_signals(action):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, action)


def stop(number, _):
    raise SystemExit(128 + number)


def run():
    ends = redis.Redis.from_url(REDIS_URL)
    check_broker(BROKER_URL)
    check_redis(ends)
    signature = chain_of("x" * BYTES)
    worker = Worker()
    load = Load(lambda chain: signature.apply_async(task_id=chain), worker.watch)
    threading.Thread(target=listen, args=(ends, load), daemon=True).start()
    try:
        return measure(load)
    finally:
        # What removes everything is not to be stopped half way.
        on_signals(signal.SIG_IGN)
        load.close()
        worker.stop()
        try:
            remove_queues(BROKER_URL, QUEUES)
        finally:
            remove_key(ends, ENDED)


def main():
    on_signals(stop)
    try:
        figures = run()
    except Failed as failed:
        sys.exit(f"error: {failed}\n  do: {failed.to_do}")
    print(json.dumps(figures, separators=(",", ":")), flush=True)


main()
