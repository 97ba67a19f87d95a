"""The serving runtime: a core that knows no framework, an adapter per framework, the processes of a pod."""

__version__ = "0.1.0"
