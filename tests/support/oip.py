"""The Open Inference Protocol as clients of other houses speak it: Triton's own encoder and decoder."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tritonclient.http as triton

from mlapi_runtime.signature import Array, Tensor


def request(
    tensors: Iterable[Tensor],
    arrays: Mapping[str, Array],
    *,
    binary: Sequence[str] = (),
    outputs: Mapping[str, bool] | None = None,
    **others: Any,
) -> tuple[bytes, int | None]:
    """Body of an infer request, and how much of it is JSON when binary tensors follow.

    Args:
        binary: names of the inputs that are sent so.
        outputs: name -> whether it is wanted as binary; None asks for all of them as binary.
        others: of `InferenceServerClient.generate_request_body`.
    """
    inputs = []
    for tensor in tensors:
        array = arrays[tensor.name]
        given = triton.InferInput(tensor.name, list(array.shape), tensor.datatype)
        inputs.append(given.set_data_from_numpy(array, binary_data=tensor.name in binary))
    wanted = None
    if outputs is not None:
        wanted = [
            triton.InferRequestedOutput(name, binary_data=as_binary) for name, as_binary in outputs.items()
        ]
    body, length = triton.InferenceServerClient.generate_request_body(inputs, outputs=wanted, **others)
    return body, length


def answer(body: bytes, header_length: int | None) -> triton.InferResult:
    """What the client makes of an answer."""
    return triton.InferenceServerClient.parse_response_body(body, header_length=header_length)
