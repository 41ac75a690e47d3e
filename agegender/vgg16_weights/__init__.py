"""VGG16's ImageNet weights, from whoever has them, checked by digest."""
