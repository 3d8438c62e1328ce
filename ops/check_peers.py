"""What check-peers.sh asks about a peer, by its exit code. check_peers.py figures NAME LINE: whether the line is what
it should print. check_peers.py left PREFIX STEPS: whether queues, exchanges or keys of its prefix are there."""

import json
import os
import sys

FIELDS = ["name", "version", "chains_per_s", "chains", "lost", "p50_ms", "p99_ms"]


def figures(name, line):
    found = json.loads(line)
    fields = list(found)
    if fields != FIELDS or found["name"] != name:
        sys.exit(f"{line} has not the fields {FIELDS} of {name}")
    if found["lost"] or found["chains"] <= 0 or found["chains_per_s"] <= 0:
        sys.exit(f"chains are lost, or none was measured: {line}")
    if not 0 < found["p50_ms"] <= found["p99_ms"]:
        sys.exit(f"these percentiles cannot be: {line}")


def keys(prefix):
    import redis

    found = redis.Redis.from_url(os.environ["PEER_REDIS_URL"]).scan_iter(f"{prefix}*", 1000)
    return [key.decode() for key in found]


def declared(names):
    import kombu

    def is_there(declare, *arguments):
        try:
            declare(*arguments, passive=True)
        except broker.channel_errors:
            return False
        return True

    def found(name):
        if is_there(broker.channel().queue_declare, name):
            yield f"queue {name}"
        if is_there(broker.channel().exchange_declare, name, "direct"):
            yield f"exchange {name}"

    with kombu.Connection(os.environ["PEER_BROKER_URL"]) as broker:
        return [thing for name in names for thing in found(name)]


def left(prefix, steps):
    names = [f"{prefix}.{step}" for step in range(1, int(steps) + 1)]
    found = keys(prefix) + declared(names)
    if found:
        sys.exit(f"these were left behind: {', '.join(found)}")


{"figures": figures, "left": left}[sys.argv[1]](*sys.argv[2:])
