"""What both networks run on: the device, and the datasets that feed them."""
