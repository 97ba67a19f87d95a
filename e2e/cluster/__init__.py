"""Real Kubernetes without Docker: components built from Go modules, clusters brought up and torn down."""

from e2e.cluster.cluster import Cluster, existing, given, tear_down, up
from e2e.cluster.layout import Layout
from e2e.cluster.light import LightCluster
from e2e.cluster.packages import why_no_node

__all__ = ["Cluster", "Layout", "LightCluster", "existing", "given", "tear_down", "up", "why_no_node"]
