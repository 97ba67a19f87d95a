"""Decisions of a rollout: which revision runs, how pods are replaced, and what becomes of a new revision.

No I/O: live objects, counts and the time come in, decisions go out.
"""
