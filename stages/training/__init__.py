"""What the training stages share: from declared parameters to outputs."""
