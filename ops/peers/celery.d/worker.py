"""Celery's worker as a child, which ends with this process however that ends."""

import ctypes
import os
import signal
import subprocess
import sys

from servers import Failed
from stack import PROCESSES

STOP_S = 10
PR_SET_PDEATHSIG = 1
# In containers and tests all is root's.
NO_WARNING = ["-W", "ignore:You're running the worker with superuser privileges"]
COMMAND = [sys.executable, *NO_WARNING, "-m", "celery", "--app", "stack", "worker"]
OPTIONS = ["--pool", "prefork", "--concurrency", str(PROCESSES), "--loglevel", "WARNING"]
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Worker:
    def __init__(self):
        libc = ctypes.CDLL(None)
        self.process = subprocess.Popen(
            [*COMMAND, *OPTIONS, *QUIET, "--hostname", f"peer-{os.getpid()}@%h"],
            stdin=subprocess.DEVNULL,
            # Its banner.
            stdout=subprocess.DEVNULL,
            # Ctrl-C comes to the driver alone.
            start_new_session=True,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )

    def watch(self):
        if self.process.poll() is not None:
            raise Failed("Celery's worker ended", "look at its messages above")

    def stop(self):
        """First by the signal on which it ends what it does, then with all of its own children."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
