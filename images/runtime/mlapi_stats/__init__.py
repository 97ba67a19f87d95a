"""What runtime and operator share: the stats document, the bounds of its buckets, quantiles.

Standard library only, and neither of the two is imported from here.
"""
