"""Which nodes have the GPUs that a spec asks for, and how many of them are free."""
