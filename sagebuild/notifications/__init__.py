"""The one notification that every build ends with: `notify` publishes it once, `words` writes its text."""
