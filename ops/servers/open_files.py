"""How many files the process that listens at a port of this machine may hold open: open_files.py PORT.

Prints a number, or nothing where that cannot be seen.
"""

import os
import sys
from pathlib import Path

LISTENS = "0A"


def sockets_at(port: int) -> set[str]:
    """The sockets that listen at a port, as links in /proc/PID/fd name them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and int(fields[1].rsplit(":", 1)[1], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found


def holds_one(pid: str, sockets: set[str]) -> bool:
    try:
        return any(os.readlink(link) in sockets for link in Path("/proc", pid, "fd").iterdir())
    except OSError:
        # Somebody else's, or it has ended.
        return False


def soft_limit(pid: str) -> str:
    limits = Path("/proc", pid, "limits").read_text().splitlines()
    return next(line for line in limits if line.startswith("Max open files")).split()[3]


def main() -> None:
    sockets = sockets_at(int(sys.argv[1]))
    pids = (entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit())
    owner = next((pid for pid in pids if holds_one(pid, sockets)), None)
    if owner and (limit := soft_limit(owner)).isdigit():
        print(limit)


if __name__ == "__main__":
    main()
