"""What both networks have in common: the device, the datasets that feed them, saved models."""
