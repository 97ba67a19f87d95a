"""Pure readers: live objects -> frozen facts. What a live object leaves out is unknown, never an error."""
