"""Measurements of what users wait and pay for: ``make bench``. docs/performance.md explains them."""
