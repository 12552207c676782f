"""The side of a container that runs a script: programs for a training and for an endpoint, without Docker.

The laptop's AWS (local/) and `sagebuild run` start the same programs, each in a process of its own, with a folder that
stands for /opt/ml. The programs import nothing of sagebuild. `frameworks` says which program an image needs.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
TRAIN, SERVE = FOLDER / "train.py", FOLDER / "serve.py"
