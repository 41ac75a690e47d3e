"""A page on this machine to try models on: photos go no further than it."""
