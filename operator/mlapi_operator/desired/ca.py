"""The copy of the certificate authority that the model's source is trusted by.

Pods mount ConfigMaps of their own namespace only, so each MLApi has a copy.
"""

from typing import Final

from mlapi_operator.api.kinds import CONFIG_MAP
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import names
from mlapi_operator.desired.owner import Owner

KEY: Final = "ca.crt"


def ca(owner: Owner, certificates: str) -> Manifest:
    """
    Args:
        certificates: PEM, as in the operator's own ConfigMap.
    """
    manifest = owner.child(CONFIG_MAP, names.ca_config_map(owner.name))
    manifest["data"] = {KEY: certificates}
    return manifest
