"""Pure builders: spec and what was resolved -> the manifests that should exist."""
