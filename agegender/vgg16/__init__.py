"""VGG16 with a new head: what is trained on the embeddings, and what is saved."""
