"""VGG16's frozen layers, run once per photo, and the embeddings that they compute."""
