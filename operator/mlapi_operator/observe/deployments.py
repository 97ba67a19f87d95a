"""The Deployment, as far as its pods do not say it themselves."""

import re
from dataclasses import dataclass
from typing import Final, Self

from mlapi_operator.api.types import Manifest

# `pods "digits-7c9f-x2x4x" is forbidden: ...`: the name is another one at every attempt.
POD_NAME: Final = re.compile(r'pods "[^"]*"')


@dataclass(frozen=True, slots=True)
class Deployment:
    """
    Attributes:
        create_failure: why its ReplicaSet cannot create pods (quota, Pod Security); empty when it can.
    """

    create_failure: str = ""

    @classmethod
    def of(cls, deployment: Manifest) -> Self:
        conditions = (deployment.get("status") or {}).get("conditions") or ()
        failure = next(
            (
                condition.get("message", "")
                for condition in conditions
                if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
            ),
            "",
        )
        return cls(create_failure=POD_NAME.sub("pods", failure))
