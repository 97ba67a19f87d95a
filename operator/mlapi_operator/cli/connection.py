"""How the commands about a cluster reach it, as kubectl does, and what they say when they cannot."""

import argparse
import difflib
import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.types import Manifest
from mlapi_operator.cli.problem import Problem
from mlapi_operator.cluster import REQUEST_SECONDS, KubernetesCluster
from mlapi_operator.protocol import ApiError, Forbidden, NotFound

# Who the API server says wrote what `mlapi` wrote.
MANAGER: Final = "mlapi"
DEFAULT_FILE: Final = "~/.kube/config"
DEFAULT_NAMESPACE: Final = "default"


class Unreachable(Problem):
    """What was asked about cannot be told: no cluster, no access, no such object."""

    status = 2


class Missing(Unreachable):
    """The cluster answered, and has no such object."""


@dataclass(frozen=True, slots=True)
class Connection:
    """
    Attributes:
        server: address of the API server, for messages.
        options: what leads kubectl and mlapi to the same place, such as `-n team-a --context prod`.
    """

    cluster: KubernetesCluster
    server: str
    namespace: str
    options: str


@asynccontextmanager
async def connected(arguments: argparse.Namespace) -> AsyncIterator[Connection]:
    """To the cluster and namespace that the options name, or else the kubeconfig's present context.

    Raises:
        Unreachable: the kubeconfig is of no use, or the API server did not do what was asked of it.
    """
    paths = arguments.kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT_FILE
    configuration, namespace = await _load(paths, arguments.context)
    namespace = arguments.namespace or namespace
    cluster = KubernetesCluster(configuration, lambda: REQUEST_SECONDS, agent=MANAGER)
    try:
        yield Connection(cluster, configuration.host, namespace, _options(arguments, namespace))
    except ApiError as error:
        raise Unreachable(told(error, configuration.host)) from error
    finally:
        await cluster.close()


async def find(connection: Connection, name: str) -> Manifest:
    """The MLApi of that name.

    Raises:
        ApiError
        Missing: there is none; the message names those that there are.
    """
    if found := await connection.cluster.get(MLAPI, (connection.namespace, name)):
        return found
    missing = f"namespace {connection.namespace} has no {MLAPI.kind} {name}"
    try:
        others, _ = await connection.cluster.list(MLAPI, namespace=connection.namespace)
    except NotFound:
        raise Missing(
            f"{connection.server} knows no {MLAPI.plural}: the operator is not installed there "
            f"(docs/operations.md); kubectl config current-context tells which cluster it is"
        ) from None
    except Forbidden:
        raise Missing(f"{missing}; -n names another namespace") from None
    names = sorted(other["metadata"]["name"] for other in others)
    close = difflib.get_close_matches(name, names) or names[:10]
    there = f"it has {', '.join(close)}" if close else "it has none at all"
    raise Missing(f"{missing}: {there}; -n names another namespace")


def told(error: ApiError, server: str) -> str:
    """What went wrong, for somebody at a terminal."""
    if error.status == 0:
        return f"no answer from {server} ({error.message}); is the cluster up, and --context the right one?"
    if error.status == 401:
        return f"{server} does not accept the credentials of the kubeconfig; log in anew"
    if error.status == 403:
        return f"{error.act} is not allowed: {error.message}"
    return str(error)


async def _load(paths: str, context: str | None) -> tuple[Configuration, str]:
    """How to reach the API server, and the context's namespace.

    `cluster.connect` is the operator's: it knows neither contexts nor several files.
    """
    configuration = Configuration()
    try:
        loader = _loader(paths, context)
        await loader.load_and_set(configuration)
        namespace = loader.current_context["context"].get("namespace")
    except ConfigException as error:
        raise Unreachable(f"kubeconfig {paths}: {error}; --context names another context") from error
    except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise Unreachable(f"kubeconfig {paths}: not a kubeconfig: {' '.join(str(error).split())}") from error
    return configuration, namespace or DEFAULT_NAMESPACE


def _loader(paths: str, context: str | None) -> Any:
    if not any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep) if path):
        raise Unreachable(f"no kubeconfig at {paths}; name one with --kubeconfig or $KUBECONFIG")
    merged: Any = KubeConfigMerger(paths)  # type: ignore[no-untyped-call]
    # Without a base path, files that it names are looked for beside the file that names them.
    return KubeConfigLoader(merged.config, active_context=context, config_base_path=None)  # type: ignore[no-untyped-call]


def _options(arguments: argparse.Namespace, namespace: str) -> str:
    named = {"-n": namespace, "--context": arguments.context, "--kubeconfig": arguments.kubeconfig}
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in named.items() if value)
