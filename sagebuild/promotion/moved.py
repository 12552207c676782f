"""The parameters of a document that belong to the model and move with it; all others stay the receiving pipeline's."""

from __future__ import annotations

ENVIRONMENT = "modelhostingenvironment"  # both documents' variables together; the receiving one's values win
# What the model is served with: the framework's version, the container and the script.
MOVED = frozenset(
    {
        "InferenceImage",
        "algorithm",
        "baseframework",
        "bringsmodel",
        "engine",
        "engineoptions",
        "engineversion",
        "frameworkversion",
        "hostentrypoint",
        "hostimage",
        "hubmodel",
        "mxnetversion",
        "pyversion",
        "requirementsfile",
        "tensorflowversion",
        ENVIRONMENT,
    }
)
# What the receiving document says about the same things, and what would bring another model or source.
REPLACED = (MOVED - {ENVIRONMENT}) | {"ModelArtifacts", "git_config", "hostsourcefile", "hubsecret"}
