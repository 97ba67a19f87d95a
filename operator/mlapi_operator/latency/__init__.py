"""How fast and how well the pods answer: read from them, merged per revision, over a sliding window."""
