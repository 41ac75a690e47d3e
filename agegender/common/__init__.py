"""Errors for people, progress, parallel work and files that are replaced as a whole."""
