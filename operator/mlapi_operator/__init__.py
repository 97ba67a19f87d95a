"""The MLApi operator: one manifest becomes a running, measured ML API."""

__version__ = "0.1.0"
