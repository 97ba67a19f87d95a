"""Command line: see `python -m e2e.cluster --help`."""

import argparse
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from e2e.cluster.cache import cache_dir
from e2e.cluster.cluster import Cluster, existing, given, tear_down, up
from e2e.cluster.components import CONTROL_PLANE, FAKE_NODES, NODE, component
from e2e.cluster.fakes import start_fakes
from e2e.cluster.images import build_images
from e2e.cluster.layout import MAX_NODES, Layout
from e2e.cluster.light import LightCluster
from e2e.cluster.packages import ensure_node_packages, why_no_node


def _export(variables: Mapping[str, str]) -> None:
    print(
        "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items()), flush=True
    )


def _light(state: Path) -> None:
    with LightCluster(state) as cluster:
        _export({"KUBECONFIG": str(cluster.kubeconfig), "MLAPI_AUDIT_LOG": str(cluster.audit_log)})
        signal.pause()


def _cluster() -> Cluster:
    cluster = given() or existing(Layout())
    if cluster is None:
        raise RuntimeError("there is no cluster; start one: python -m e2e.cluster up")
    return cluster


def _build() -> None:
    binaries = [*CONTROL_PLANE, *FAKE_NODES, "helm", "gitops"]
    if why_no_node() is None:
        ensure_node_packages()
        binaries += NODE
    for binary in binaries:
        component(binary)


def _images(names: list[str]) -> None:
    for name, reference in build_images(_cluster(), names).items():
        print(f"{name}={reference}")


def _fake_nodes(kinds: list[str]) -> None:
    if given() is not None:
        raise RuntimeError("fake nodes need the local cluster: unset KUBECONFIG")
    # The other commands need nothing but Python itself.
    from e2e.fake_nodes import KINDS, add_fake_node
    from e2e.kube import Kube

    if unknown := sorted(set(kinds) - set(KINDS)):
        raise RuntimeError(f"unknown kinds {', '.join(unknown)}; there are {', '.join(KINDS)}")
    start_fakes(Layout())
    cluster = _cluster()
    for kind in kinds or KINDS:
        add_fake_node(Kube(cluster.kubeconfig, cluster.programs), kind, kind)


def _env() -> None:
    cluster = _cluster()
    _export(cluster.environment())
    print(f'export PATH={shlex.quote(str(cluster.programs))}:"$PATH"')


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.cluster", description="Real Kubernetes for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser(
        "up", help="bring up a cluster with nodes (root), or use that of KUBECONFIG and REGISTRY"
    )
    start.add_argument("--nodes", type=int, choices=range(1, MAX_NODES + 1), default=1)
    commands.add_parser("down", help="remove the cluster and everything it left, also after a killed run")
    light = commands.add_parser(
        "light", help="API server and controllers without a node, until interrupted (no root)"
    )
    light.add_argument("--state", type=Path, default=None, help="folder of its data, emptied first")
    commands.add_parser("build", help="build what tests of this user on this machine need, and start nothing")
    images = commands.add_parser("images", help="build what the registry lacks, print NAME=REFERENCE")
    images.add_argument("names", nargs="*", metavar="NAME", help="folders of images/; all by default")
    fake = commands.add_parser("fake-nodes", help="add nodes with GPUs that exist in the API server alone")
    fake.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help="such as h100, keys of KINDS in e2e/fake_nodes.py; all by default",
    )
    commands.add_parser("env", help="print the variables of the cluster that is up")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        match arguments.command:
            case "up":
                _export(up(nodes=arguments.nodes).environment())
            case "down":
                tear_down(Layout())
            case "light":
                _light(arguments.state or cache_dir() / "light")
            case "build":
                _build()
            case "images":
                _images(arguments.names)
            case "fake-nodes":
                _fake_nodes(arguments.kinds)
            case "env":
                _env()
    except RuntimeError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
