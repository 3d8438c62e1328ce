#!/usr/bin/env python3
"""A stage of Askline in Python: it takes the place of the worker of kind `classify`.

It reads envelopes from the queues of its kind, decides what comes next, publishes that, and acks. What the messages
hold, and what a stage must keep to, stands in docs/messages.md. It knows RabbitMQ alone: neither the app store nor the
event log, so it tells the client nothing and claims nothing. Delivered twice, it publishes the same hop twice, and the
worker of the next hop runs it once.
"""

import argparse
import json
import logging
import os
import re
import signal
import sys
import time

import pika
from pika.exceptions import AMQPError

KIND = "classify"
VERSION = 1
LANES = ("interactive", "scheduled", "backfill")
RUNGS_MS = (300, 900, 2_700, 8_100, 24_300)
MAX_ATTEMPTS = 5
MAX_HEADER_BYTES = 4_096
GREETING = re.compile(r"\s*(hi|hello|hey|thanks|thank you|good (morning|evening))\b", re.IGNORECASE)

log = logging.getLogger("stage")


class Unreadable(Exception):
    """A message that no repetition makes readable."""


def next_job(job):
    """What this stage decides: the kind of the next job, and the job."""
    question = job["question"]
    if GREETING.match(question):
        return "reply", {"question": question, "basis": {"type": "chat"}}
    return "generate_sql", {"question": question, "round": 0}


def read_envelope(body):
    try:
        envelope = json.loads(body)
        version, kind, hop = envelope["v"], envelope["kind"], envelope["hop"]
        meta, job = envelope["meta"], envelope["job"]
        readable = isinstance(meta["deadline_ms"], int) and isinstance(job["question"], str) and isinstance(hop, str)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"the envelope cannot be read: {error!r}") from error
    if not readable or kind != KIND:
        raise Unreadable(f"this is no job of kind {KIND}")
    if version > VERSION:
        raise Unreadable(f"the envelope has version {version}, this stage reads up to {VERSION}")
    return envelope


def child_of(envelope, kind, job):
    """The next envelope. Its hop follows from its parent's, so the same work has the same id however often it is done;
    fields that this stage does not know go along."""
    return envelope | {"v": VERSION, "kind": kind, "hop": f"{envelope['hop']}/{kind}.0", "job": job}


class Stage:
    def __init__(self, channel, prefix):
        self.channel, self.prefix = channel, prefix

    def queue(self, kind, lane):
        return f"{self.prefix}.{kind}.{lane}.v1"

    def listen(self, prefetch):
        """Queues are declared by the processes of Askline: a stage only looks whether they are there."""
        self.channel.confirm_delivery()
        self.channel.basic_qos(prefetch_count=prefetch)
        for lane in LANES:
            queue = self.queue(KIND, lane)
            self.channel.queue_declare(queue, passive=True)
            self.channel.basic_consume(queue, lambda _, method, head, body, lane=lane: self.take(lane, method, head, body))

    def take(self, lane, method, head, body):
        """Whatever happens, the message is somewhere else, confirmed, before it is acked here."""
        try:
            self.work(head, body)
        except Unreadable as error:
            self.park(self.queue(KIND, lane) + ".dead", head, body, str(error), self.attempts(head))
        except AMQPError:
            raise
        except Exception as error:  # a defect of this stage, or something that may pass
            log.exception("a job failed")
            self.again(lane, head, body, f"{type(error).__name__}: {error}")
        self.channel.basic_ack(method.delivery_tag)

    def work(self, head, body):
        envelope = read_envelope(body)
        if envelope["meta"]["deadline_ms"] <= time.time() * 1_000:
            log.info("%s is out of time: the sweeper ends its turn", envelope["hop"])
            return
        kind, job = next_job(envelope["job"])
        child = child_of(envelope, kind, job)
        headers = {name: value for name, value in (head.headers or {}).items() if name == "traceparent"}
        queue = self.queue(kind, envelope["meta"].get("lane", LANES[0]))
        self.publish(queue, child["hop"], headers, json.dumps(child).encode())
        log.info("%s -> %s", envelope["hop"], child["hop"])

    def again(self, lane, head, body, error):
        """One failed run more: a rung up the ladder, or the dead queue when the attempts are used up."""
        failed = self.attempts(head) + 1
        queue = self.queue(KIND, lane)
        if failed >= MAX_ATTEMPTS:
            self.park(queue + ".dead", head, body, error, failed)
        else:
            self.park(f"{queue}.retry.{RUNGS_MS[failed - 1]}", head, body, error, failed)

    def park(self, queue, head, body, error, attempts):
        log.warning("to %s: %s", queue, error)
        headers = {name: value for name, value in (head.headers or {}).items() if isinstance(value, str)}
        text = error.encode()[:MAX_HEADER_BYTES].decode(errors="ignore")
        self.publish(queue, head.message_id or "", headers | {"x-attempt": str(attempts), "x-error": text}, body)

    def publish(self, queue, message_id, headers, body):
        """Returns once the broker has the message on its disks; raises when it has not, and then nothing is acked."""
        properties = pika.BasicProperties(
            delivery_mode=2, content_type="application/json", message_id=message_id, headers=headers
        )
        self.channel.basic_publish("", queue, body, properties, mandatory=True)

    @staticmethod
    def attempts(head):
        text = (head.headers or {}).get("x-attempt", "0")
        return int(text) if isinstance(text, str) and text.isdigit() else 0


def serve(url, prefix, prefetch):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    Stage(channel, prefix).listen(prefetch)
    signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(channel.stop_consuming))
    log.info("listening")
    channel.start_consuming()
    connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", default="askline", help="of the queues: broker.prefix in the settings of Askline")
    parser.add_argument("--prefetch", type=int, default=16, help="jobs that may be unacked at a time")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pika").setLevel(logging.WARNING)
    # In the environment, since everybody on the machine can read arguments.
    url = os.environ.get("ASKLINE_BROKER__URL")
    if not url:
        sys.exit("error: ASKLINE_BROKER__URL is not set\n  do: set it to the URL of RabbitMQ, amqp://user:password@host:5672/%2f")
    wait_s = 0.1
    while True:
        began = time.monotonic()
        try:
            return serve(url, arguments.prefix, arguments.prefetch)
        except AMQPError as error:
            # What was not acked comes back. A connection that held for a while starts the waits anew.
            wait_s = 0.1 if time.monotonic() - began > 5 else min(wait_s * 2, 5.0)
            log.warning("the broker: %r; trying again in %.1f s", error, wait_s)
            time.sleep(wait_s)


if __name__ == "__main__":
    main()
