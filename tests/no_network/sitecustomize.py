"""Python runs this as it starts, where this folder is on its path: no socket reaches beyond this machine.

An audit hook sees what a patched function would miss; each attempt is noted in the file that SOCKETS_NOTED names.
"""

import os
import sys

TARGETS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.bind": 1}
"""Events with an address, and where it is among their arguments."""
NAMES = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
"""Events that ask a resolver; the host comes first."""


def refuse(event, arguments):
    if event in TARGETS:
        address = arguments[TARGETS[event]]
        host = (
            address[0] if isinstance(address, tuple) else None
        )  # a path is a local socket, None one that is connected
    elif event in NAMES:
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost", "::1") or str(host).startswith("127."):
        return
    with open(os.environ["SOCKETS_NOTED"], "a") as file:  # noqa: PTH123 - pathlib would be slower to start
        file.write(f"{event} {host}\n")
    raise OSError(f"no network in this test: {event} {host}")


sys.addaudithook(refuse)
