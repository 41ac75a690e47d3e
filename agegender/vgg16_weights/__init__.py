"""VGG16's ImageNet weights, from Keras's host, a package or a file, checked by digest."""
