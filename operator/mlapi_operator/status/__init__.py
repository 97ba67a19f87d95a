"""Pure: facts, the status so far and the time -> the status, as chains of checks."""
