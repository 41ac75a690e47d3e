"""The developers' tools: `python -m tools.NAME`."""
