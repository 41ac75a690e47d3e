"""Drawn portraits, named and distributed like UTKFace, for a pipeline without a network.

`people` decides what a person and a setting look like, `head` where that lies in the picture,
`painter` paints shapes there, `portrait` a whole person; `archive` writes a folder of portraits.
"""
