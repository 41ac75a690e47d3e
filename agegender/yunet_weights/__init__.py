"""The weights of YuNet, the face detector, from its publisher, a package or a file."""
