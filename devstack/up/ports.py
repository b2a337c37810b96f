"""TCP ports of this machine: whether one is free, and who holds it where the system tells (Linux)."""

import errno
import os
import socket
from typing import Iterable, Optional, Set

from devstack.up.errors import PORT_TAKEN, StackError

# `st` of /proc/net/tcp, see proc(5): 0A is LISTEN.
_LISTEN = "0A"
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def require_free(ports: Iterable[int], variable: str) -> None:
    """Raises StackError that names the holder of the first taken port, and the variable that chooses another."""
    for port in ports:
        if is_free(port):
            continue
        who = holder(port)
        raise StackError(
            "port %d is taken%s; end that, or choose another port with %s=<port>"
            % (port, " by " + who if who else "", variable),
            PORT_TAKEN,
        )


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of both loopback addresses; port 0 always is free."""
    return port == 0 or not any(_in_use(family, host, port) for family, host in _LOOPBACKS)


def _in_use(family: int, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: connections of an ended server that linger in TIME_WAIT do not hold a port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        # Any other error means that this machine lacks the address family.
        return error.errno == errno.EADDRINUSE
    return False


def holder(port: int) -> Optional[str]:
    """The command line and the pid of the process that listens on `port`; None where the system does not tell."""
    sockets = {"socket:[%s]" % inode for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if _holds(pid, sockets):
            return "%s (pid %s)" % (_command_line(pid), pid)
    return None


def _listening_inodes(port: int) -> Set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as rows:
                next(rows)
                for row in rows:
                    fields = row.split()
                    if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                        inodes.add(fields[9])
        except OSError:
            continue
    return inodes


def _holds(pid: str, sockets: Set[str]) -> bool:
    folder = "/proc/%s/fd" % pid
    try:
        return any(os.readlink(os.path.join(folder, fd)) in sockets for fd in os.listdir(folder))
    except OSError:
        # Another user's process, or one that has just ended.
        return False


def _command_line(pid: str) -> str:
    try:
        with open("/proc/%s/cmdline" % pid, "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
    except OSError:
        return "a process"
    return " ".join(words).strip()[:100] or "a process"
