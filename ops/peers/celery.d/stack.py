"""The Celery application: a task that gives on what it gets, in a durable queue of its own for each step of a chain."""

import os

import redis
from celery import Celery, chain
from kombu import Exchange, Queue

STEPS = int(os.environ["PEER_STEPS"])
CONCURRENCY = int(os.environ["PEER_CONCURRENCY"])
PREFIX = os.environ["PEER_PREFIX"]
BROKER_URL = os.environ["PEER_BROKER_URL"]
REDIS_URL = os.environ["PEER_REDIS_URL"]

PROCESSES = 2
QUEUES = [f"{PREFIX}.{step}" for step in range(1, STEPS + 1)]
# The ids of chains that have ended, in a list.
ENDED = f"{PREFIX}:ended"
# Only a driver that was killed outright leaves queues; they go by themselves.
EXPIRES_S = 600

app = Celery("peer", broker=BROKER_URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
    # Classic queues, Celery's own kind: for quorum queues it would declare delay queues under names that are not ours.
    task_queues=[Queue(name, Exchange(""), routing_key=name, durable=True, expires=EXPIRES_S) for name in QUEUES],
    task_default_queue=QUEUES[0],
    task_default_exchange="",
    task_acks_late=True,
    task_ignore_result=True,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    # Celery's guide wants many for short tasks: all that is under way.
    worker_prefetch_multiplier=max(CONCURRENCY // PROCESSES, 1),
)
ends = redis.Redis.from_url(REDIS_URL)


@app.task(name="step")
def step(payload):
    return payload


# A result backend would store and announce each result; an id in a list is all that the driver needs.
@app.task(name="last_step", bind=True)
def last_step(self, payload):
    ends.rpush(ENDED, self.request.id)
    return payload


def chain_of(payload):
    """A signature that can be sent any number of times. The id that it is sent with is that of its last task."""
    tasks = [step] * (STEPS - 1) + [last_step]
    first, *others = [task.s().set(queue=queue) for task, queue in zip(tasks, QUEUES, strict=True)]
    return chain(first.clone(args=(payload,)), *others)
