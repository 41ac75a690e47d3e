"""What a photo is between stages: its labels, the lists of the splits, the TFRecords."""
