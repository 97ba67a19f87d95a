raise RuntimeError("out of order")
