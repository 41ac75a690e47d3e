"""Moved to ``tests.clones``."""

from tests.clones import ROOT, Clone

__all__ = ["ROOT", "Clone"]
