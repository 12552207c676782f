"""The one notification that every build ends with, and its words."""
