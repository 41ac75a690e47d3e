"""Drawn portraits, named and distributed like UTKFace, for a pipeline without a network.

`people` decides what a person and a setting look like, `canvas` paints shapes, `portrait` paints
a person, and `archive` writes a folder of portraits.
"""
