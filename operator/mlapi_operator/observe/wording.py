"""What others say, without what is another at every attempt: a status that repeats it would never settle."""

import re
from typing import Final

# `read udp 10.244.0.5:43211->10.96.0.10:53: i/o timeout`: the port of the one who asks.
PORT: Final = re.compile(r":\d+(?=->)")
# Also keeps what signs an address, such as X-Amz-Signature, out of status.
QUERY: Final = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']+")
# Of containers and sandboxes; digests of images have their algorithm before them.
ID: Final = re.compile(r"(?<![:0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def steady(text: str, pod: str, uid: str) -> str:
    """
    Args:
        pod: name of the pod that the text is about.
        uid: of the pod.
    """
    # containerd names containers `server_<pod>_<namespace>_<uid>_<attempt>`.
    name = rf"(?<![a-z0-9-]){re.escape(pod)}(?:_[^_\s\"]+_{re.escape(uid)}_\d+|(?![a-z0-9-]))"
    text = re.sub(name, "(pod)", text)
    if uid:
        text = text.replace(uid, "(uid)")
    return ID.sub("(id)", QUERY.sub(r"\1", PORT.sub("", text)))
