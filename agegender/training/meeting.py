"""Machines that are to train together meet, and see that they have the same work.

That happens before TensorFlow connects them, since it would wait without an end for one that does
not come, and could not be interrupted meanwhile.
"""

import json
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from agegender.common.errors import UserError

# Between two attempts to reach worker 0, and for one message.
_PAUSE = 0.2
_MESSAGE = 5.0


def meet(addresses: Sequence[str], worker: int, work: str, seconds: float) -> None:
    """Wait until all workers are here: the others report to worker 0, which answers them all.

    Args:
        addresses: ``host:port`` of each worker.
        worker: the number of this one.
        work: what it has to do.
        seconds: to wait, at most.

    Raises:
        UserError: one does not come, has other work, or this machine's port is taken.
    """
    until = time.monotonic() + seconds
    works = (
        _gather(addresses, work, until) if worker == 0 else _report(addresses, worker, work, until)
    )
    if works is None:
        raise UserError(
            f"worker 0 of TF_CONFIG, {addresses[0]}, did not answer within {seconds:.0f} seconds; "
            "run the same command on all machines, and see that they reach each other"
        )
    missing = [f"{i}, {addresses[i]}" for i in range(len(addresses)) if str(i) not in works]
    if missing:
        raise UserError(
            f"worker {' and worker '.join(missing)}, of TF_CONFIG did not come within "
            f"{seconds:.0f} seconds; run the same command on all machines, and see that they reach "
            f"{addresses[0]}"
        )
    if len(set(works.values())) > 1:
        raise UserError(
            "the machines of TF_CONFIG have different work: the stage, its parameters, code, data "
            "or packages are not the same; bring all clones to the same commit and data "
            "(`git pull`, `dvc pull`) and run the same command"
        )


def _gather(addresses: Sequence[str], work: str, until: float) -> dict[str, str]:
    """Each worker's work by its number, as far as they come; all who came are told."""
    works = {"0": work}
    expected = {str(worker) for worker in range(1, len(addresses))}
    with ExitStack() as stack:
        server = stack.enter_context(_listening(addresses[0]))
        came: dict[str, socket.socket] = {}
        while len(works) < len(addresses) and (left := until - time.monotonic()) > 0:
            server.settimeout(left)
            with suppress(OSError, ValueError, KeyError, TypeError):
                connection = stack.enter_context(server.accept()[0])
                connection.settimeout(_MESSAGE)
                message = json.loads(_line(connection))
                number = str(message["worker"])
                if number in expected:
                    works[number], came[number] = str(message["work"]), connection
        for connection in came.values():
            with suppress(OSError):
                connection.sendall(json.dumps(works).encode() + b"\n")
    return works


def _report(
    addresses: Sequence[str], worker: int, work: str, until: float
) -> dict[str, str] | None:
    """What worker 0 answers; None if it does not."""
    host, port = addresses[0].rsplit(":", 1)
    message = json.dumps({"worker": worker, "work": work}).encode() + b"\n"
    while (left := until - time.monotonic()) > 0:
        # Nobody may be there yet, or another stage that is about to end.
        with (
            suppress(OSError, ValueError),
            socket.create_connection((host, int(port)), timeout=_MESSAGE) as connection,
        ):
            connection.sendall(message)
            # Longer than worker 0 itself waits, so as to hear who is missing.
            connection.settimeout(left + _MESSAGE)
            answer: dict[str, str] = json.loads(_line(connection))
            return answer
        time.sleep(_PAUSE)
    return None


def _listening(address: str) -> socket.socket:
    port = int(address.rsplit(":", 1)[1])
    both = socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            ("", port),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
        )
    except OSError as error:
        raise UserError(
            f"{address}, this machine's address in TF_CONFIG, cannot be used: {error.strerror}; "
            "take another port"
        ) from None


def _line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as lines:
        return lines.readline(100_000)
