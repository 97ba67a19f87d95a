"""gunicorn as supervisor of the ASGI workers; it imports no model library, they do after the fork."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from uvicorn_worker import UvicornWorker

from mlapi_runtime.config import Config, ConfigError
from mlapi_runtime.errors import LoadError
from mlapi_runtime.places import Places
from mlapi_runtime.shared import HEARTBEAT, READY, STATE, Shared, Slot

LOOP_TIMEOUT_SECONDS: Final = 30  # an event loop that stands still for longer is killed
KEEP_ALIVE_SECONDS: Final = 75  # longer than the 60 s of common load balancers: they close first
CLEANUP_SECONDS: Final = 3  # of the 5 that the pod has after the longest request
MAX_DEATHS: Final = 3
DEATHS_WINDOW_SECONDS: Final = 60.0
# For the heartbeats: on a disk they block when the disk does. A host may lack it.
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108


class Worker(UvicornWorker):  # type: ignore[misc]
    """Serves one `Application`, which it loads itself."""

    CONFIG_KWARGS = {  # noqa: RUF012 - as UvicornWorker declares it
        "loop": "uvloop",
        "http": "httptools",
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        "access_log": False,
        # Nothing here uses the client's address; reading forwarded headers costs every request.
        "proxy_headers": False,
        "server_header": False,
    }
    slot: Slot
    shared: Shared

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config.timeout_graceful_shutdown = self.cfg.graceful_timeout - CLEANUP_SECONDS

    def load_wsgi(self) -> None:
        """Loads the application."""
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        gc.disable()  # importing makes no garbage, but many objects to look through; on again once warm
        try:
            self.wsgi = self.app.create(self.slot)
        except (ConfigError, LoadError) as error:
            # The launcher tells it: where in the runtime it was found is nothing to the user.
            self.shared.cause = str(error)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        except Exception as error:
            self.shared.cause = f"loading the model failed: {type(error).__name__}: {error}"
            raise

    def _beat(self) -> None:
        """Tells that the worker lives while it loads and warms up, which may take minutes."""
        while self.slot.cells[STATE] != READY:
            self.notify()
            self.slot.cells[HEARTBEAT] = time.monotonic_ns()
            time.sleep(1.0)


class Supervisor(Arbiter):  # type: ignore[misc]
    """The arbiter, which gives up when a worker dies while it loads, or workers die repeatedly.

    gunicorn alone replaces killed workers for ever; a pod whose model does not fit into its memory must fail.
    """

    def __init__(self, app: "Server") -> None:
        super().__init__(app)
        self._shared = app.shared
        self._deaths: list[float] = []
        self._stopped = False

    def stop(self, graceful: bool = True) -> None:
        self._stopped = True
        super().stop(graceful)

    def reap_workers(self) -> None:
        # gunicorn keeps no exit status: looked at here, before it reaps.
        ended = [
            (worker, code) for worker in self.WORKERS.values() if (code := _exit_code(worker.pid)) is not None
        ]
        verdict = None if self._stopped else self._judged(ended)
        for worker, _ in ended:
            worker.slot.end()
        super().reap_workers()
        if verdict is not None:
            raise HaltServer("a worker cannot run", verdict)

    def _judged(self, ended: Iterable[tuple[Worker, int]]) -> int | None:
        """Exit code for all, when they should not go on; the cause is in the shared cells."""
        now = time.monotonic()
        for worker, code in ended:
            how = _described(code)
            if worker.slot.cells[STATE] != READY:
                self._shared.cause = f"a worker {how} while it loaded the model"
                return code or 1
            self._deaths = [*(at for at in self._deaths if now - at < DEATHS_WINDOW_SECONDS), now]
            deaths = len(self._deaths)
            if deaths >= MAX_DEATHS:
                self._shared.cause = (
                    f"{deaths} workers died within {DEATHS_WINDOW_SECONDS:.0f} s, the last one {how}"
                )
                return code or 1
        return None


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's application: the configuration of the processes, and what a worker serves."""

    def __init__(self, config: Config, shared: Shared, places: Places) -> None:
        self._config = config
        self._places = places
        self.shared = shared
        super().__init__()

    def load_config(self) -> None:
        serving = self._config.serving
        host = self._places.host
        address = f"[{host}]" if ":" in host else host
        for name, value in {
            "bind": f"{address}:{self._places.service_port}",
            "workers": serving.workers,
            "worker_class": Worker,
            "worker_tmp_dir": SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None,
            "control_socket_disable": True,
            "timeout": LOOP_TIMEOUT_SECONDS,
            "graceful_timeout": serving.request_timeout_seconds + CLEANUP_SECONDS,
            "keepalive": KEEP_ALIVE_SECONDS,
            "pre_fork": self._assign_slot,
            "loglevel": "warning",
        }.items():
            self.cfg.set(name, value)

    def create(self, slot: Slot) -> Any:
        """The worker's application; called in the worker."""
        from mlapi_runtime.application import Application

        return Application(self._config, self.shared, slot)

    def load(self) -> Any:
        raise NotImplementedError("workers call create")

    def run(self) -> None:
        Supervisor(self).run()

    def _assign_slot(self, arbiter: Supervisor, worker: Worker) -> None:
        taken = {id(other.slot) for other in arbiter.WORKERS.values()}
        worker.slot = next(slot for slot in self.shared.slots if id(slot) not in taken)
        worker.shared = self.shared
        worker.slot.begin(time.monotonic_ns())


def _exit_code(pid: int) -> int | None:
    """Exit code of a child that has ended, as shells and Kubernetes count; it stays to be reaped."""
    try:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status


def _described(code: int) -> str:
    if code <= 128:
        return f"exited with code {code}"
    name = signal.Signals(code - 128).name
    return f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
