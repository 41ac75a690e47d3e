"""Predicting age and gender on photos of any kind."""
