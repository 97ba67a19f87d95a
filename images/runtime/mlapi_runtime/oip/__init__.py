"""Open Inference Protocol v2: bytes to tensors and back, in JSON and binary, without I/O.

Sources:
    https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md

Where both are silent:
    Fields that the protocol does not know are refused, as ignoring them would look like obeying them;
    `model_name` and `model_version` may stand in the body, as clients of KServe and Triton put them there
    (which model is asked, the URL says alone). A field that is optional may be null.
    Parameters are each server's own by the protocol, so that those unknown here (`priority`, `sequence_id`,
    `content_type`) are passed over; but those that ask for an answer in another form (`classification`,
    `shared_memory_region`) are refused.
    FP16 is a number in JSON too, which Triton refuses.
"""

from mlapi_runtime.oip.codec import Codec, Infer
from mlapi_runtime.oip.header import NAME as BINARY_HEADER
from mlapi_runtime.oip.header import header_length

EXTENSIONS = ("binary_tensor_data",)

__all__ = ["BINARY_HEADER", "EXTENSIONS", "Codec", "Infer", "header_length"]
