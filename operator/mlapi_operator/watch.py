"""The watches: Kopf brings each event, which is stored and its MLApi's key queued. Nothing is decided here.

Only `on.event` and `on.login` are used: Kopf's other handlers write annotations or finalizers on the objects.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any, Final

import kopf
from kubernetes.aio.client.configuration import Configuration

from mlapi_operator import metrics
from mlapi_operator.api.kinds import CRD, GROUP, MLAPI, Kind
from mlapi_operator.api.types import Key
from mlapi_operator.settings import Settings
from mlapi_operator.store import WATCHED, Store, owner_key

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 10


class Watch:
    """Watches every kind of the store.

    Args:
        configuration: how to reach the API server, from `cluster.connect`.
        on_change: told the key of the MLApi that an event concerns.
    """

    def __init__(
        self, configuration: Configuration, settings: Settings, store: Store, on_change: Callable[[Key], None]
    ) -> None:
        self._configuration = configuration
        self._settings = settings
        self._store = store
        self._on_change = on_change

    async def run(
        self,
        stop: asyncio.Event,
        on_started: Callable[[], None] = lambda: None,
        refused: Collection[str] = (),
    ) -> None:
        """Watches until `stop` is set.

        Args:
            on_started: called once Kopf has replaced the process's signal handlers, to take them back.
            refused: namespaces that may not be read: a watch that is refused for a minute ends all others.
        Raises:
            Exception: a watch failed in a way that only a new process gets over.
        """
        namespaces = [name for name in self._settings.watch_namespaces if name not in refused]
        if refused and not namespaces:
            await stop.wait()  # Kopf would take no namespaces for all of them
            return
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for kind in WATCHED:
            group, _, version = kind.api_version.rpartition("/")
            kopf.on.event(group, version, kind.plural, registry=registry)(self._observer(kind))
        # Kopf ends every task that began after it, so what runs beside it is named as older.
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=kopf_settings(self._settings),
            clusterwide=not namespaces,
            namespaces=namespaces,
            # Kopf would ask for the user's name, which a container's numeric user has not.
            identity=self._settings.pod_name,  # type: ignore[arg-type]  # a NewType that Kopf keeps to itself
            stop_flag=stop,
        )
        on_started()
        running = asyncio.create_task(kopf.run_tasks(tasks, ignored=others))
        try:
            # After a failure Kopf waits for all tasks that are younger than itself, which may take for ever.
            await asyncio.wait({running, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result()
            await running
        except asyncio.CancelledError:
            running.cancel()
            await running
            raise
        finally:
            running.cancel()

    def _observer(self, kind: Kind) -> Callable[..., Any]:
        async def observe(event: Any, **_: Any) -> None:
            metrics.WATCH_EVENTS.labels(kind.kind).inc()
            manifest = dict(event["object"])
            change = self._store.remove if event["type"] == "DELETED" else self._store.put
            if change(kind, manifest) and (key := owner_key(kind, manifest)):
                self._on_change(key)

        return observe

    async def _login(self, **_: Any) -> kopf.ConnectionInfo:
        configuration = self._configuration
        header = await configuration.get_api_key_with_prefix("BearerToken") or ""
        return kopf.ConnectionInfo(
            server=configuration.host,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            token=header.partition(" ")[2] or None,
            proxy_url=configuration.proxy,
        )


class NoDiffBase(kopf.DiffBaseStorage):
    """Kopf compares each event with the last state it handled, for handlers that we have none of.

    Its own storage copies the object several times to do so: more than half of the cost of an event.
    """

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        raise NotImplementedError("no handler of ours has state")


class NoProgress(kopf.ProgressStorage):
    """The same for how far such handlers have come."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        raise NotImplementedError("no handler of ours has state")

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


def kopf_settings(settings: Settings) -> kopf.OperatorSettings:
    """Kopf's settings where its defaults do not serve."""
    chosen = kopf.OperatorSettings()
    chosen.peering.standalone = True
    # Where only namespaces may be read the API group is looked up once; else its CRD, alone, is watched.
    chosen.scanning.disabled = bool(settings.watch_namespaces)
    crd_group, _, _ = CRD.api_version.partition("/")
    chosen.watching.field_selectors[crd_group, CRD.plural] = f"metadata.name={MLAPI.plural}.{GROUP}"
    for kind, labels in WATCHED.items():
        if labels:
            group, _, _ = kind.api_version.rpartition("/")
            chosen.watching.label_selectors[group, kind.plural] = labels
    chosen.watching.chunk_size = 500
    chosen.watching.server_timeout = 600
    chosen.watching.connect_timeout = chosen.networking.connect_timeout = 10
    chosen.networking.request_timeout = 30
    chosen.queueing.worker_limit = None
    chosen.posting.enabled = False
    chosen.persistence.diffbase_storage = NoDiffBase()
    chosen.persistence.progress_storage = NoProgress()
    chosen.process.ultimate_exiting_timeout = STOP_SECONDS
    return chosen
