"""The options of every command about an MLApi in a cluster; no package is needed to read them."""

import argparse


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the name, and the options that kubectl has too."""
    parser.add_argument("name", metavar="NAME", help="of the MLApi")
    parser.add_argument(
        "-n", "--namespace", metavar="NAMESPACE", help="where it is; by default the context's namespace"
    )
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig, by default the present")
    parser.add_argument("--kubeconfig", metavar="FILE", help="by default $KUBECONFIG, else ~/.kube/config")
