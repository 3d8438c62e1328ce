"""RabbitMQ and Redis, beside Celery: whether they are there, and taking away what was put there."""

import redis
from kombu import Connection

CONNECT_S = 15


class Failed(Exception):
    """What happened, and what to do about it."""

    def __init__(self, what, to_do):
        super().__init__(what)
        self.to_do = to_do


def check_broker(url):
    try:
        with Connection(url, connect_timeout=CONNECT_S) as broker:
            broker.connect()
    except Exception as error:
        raise Failed(f"RabbitMQ cannot be reached: {error}", "start it, or set PEER_BROKER_URL") from error


def check_redis(ends):
    try:
        ends.ping()
    except redis.RedisError as error:
        raise Failed(f"Redis cannot be reached: {error}", "start it, or set PEER_REDIS_URL") from error


def remove_queues(url, names):
    """Each of them may be missing."""
    try:
        with Connection(url, connect_timeout=CONNECT_S) as broker:
            for name in names:
                broker.default_channel.queue_delete(name)
    except Exception as error:
        raise Failed(f"the queues {names[0]} to {names[-1]} could not be removed: {error}", "delete them") from error


def remove_key(ends, name):
    try:
        ends.delete(name)
    except redis.RedisError as error:
        raise Failed(f"the key {name} could not be removed: {error}", "delete it") from error
