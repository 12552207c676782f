"""The lineage of a model: `path` finds the builds that made and used it, `openlineage` writes them as events."""
