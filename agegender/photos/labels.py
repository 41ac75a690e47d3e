"""What may be known of a photo, and the codes of genders, which are UTKFace's."""

MAX_AGE = 116
# A gender's code, 0 or 1, is its place here.
GENDERS = ("male", "female")
# What tables call the splits.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
