"""Finding faces, and cropping them as the training photos are cropped."""
