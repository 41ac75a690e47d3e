"""What the training stages share: learning curves and the folder of unfinished work."""
