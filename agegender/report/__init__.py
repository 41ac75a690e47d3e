"""The report: one HTML file made from metrics, predictions and curves."""
