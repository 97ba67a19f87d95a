"""The MLApi resource: the single source of the CRD, the offline checks and the reference pages."""
