"""PID 1 of the serving container: starts gunicorn, reaps orphans, serves the admin port, tells how it ended.

It stays small and imports no server before gunicorn is on its way: both start at the same time.
"""

import os
import signal
import sys
import time
from typing import NoReturn

from mlapi_runtime import termination
from mlapi_runtime.config import Config, ConfigError, parse
from mlapi_runtime.places import Places
from mlapi_runtime.shared import DRAINING, STOPPING, Shared

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD)


def main() -> NoReturn:
    """Runs until gunicorn ends, and exits with its code."""
    places = Places.of()
    # Blocked and waited for: no handler runs at a moment of its own choice, and no thread takes one.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        config = parse(os.environ)
    except ConfigError as error:
        termination.write(places.termination_log, {"reason": "LoadFailed", "message": str(error)})
        sys.exit(f"{error}")
    started = time.time()
    shared = Shared(config.serving.workers)
    gunicorn = os.fork()
    if gunicorn == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        _serve(config, shared, places)
    from mlapi_runtime import admin, adminport

    adminport.serve(places.host, places.admin_port, admin.routes(config, shared, started))
    code = _supervise(gunicorn, shared)
    if not shared.stopping:
        message = shared.cause or f"gunicorn ended with code {code}"
        print(f"server failed: {message}", file=sys.stderr)
        termination.write(
            places.termination_log, {"reason": "LoadFailed", "message": termination.shortened(message)}
        )
        code = code or 1
    sys.exit(code)


def _serve(config: Config, shared: Shared, places: Places) -> None:
    from mlapi_runtime.server import Server

    Server(config, shared, places).run()


def _supervise(gunicorn: int, shared: Shared) -> int:
    """Waits for gunicorn, passes signals on, reaps whatever was left to us; gunicorn's exit code."""
    while True:
        match signal.sigwait(SIGNALS):
            case signal.SIGUSR1:
                shared.cells[DRAINING] = 1
            case signal.SIGCHLD:
                code = _reaped(gunicorn)
                if code is not None:
                    return code
            case _:
                shared.cells[DRAINING] = shared.cells[STOPPING] = 1
                os.kill(gunicorn, signal.SIGTERM)


def _reaped(gunicorn: int) -> int | None:
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == gunicorn:
            ended = os.waitstatus_to_exitcode(status)
            code = ended if ended >= 0 else 128 - ended


if __name__ == "__main__":
    main()
