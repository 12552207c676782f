"""The package of ``framework``."""
