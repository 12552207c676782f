"""Runs a training on one instance."""

import sys
from collections.abc import Callable, Sequence
from typing import Any


def rabit_run(
    exec_fun: Callable[..., Any],
    args: dict[str, Any],
    include_in_training: bool,
    hosts: Sequence[str],
    current_host: str,
    *_: Any,
    update_rabit_args: bool = False,
    **__: Any,
) -> None:
    """Call the training function with its arguments; end the program if this host has no data.

    Parameters
    ----------
    update_rabit_args
        Whether the function gets the argument ``is_master``.
    """
    if len(hosts) > 1:
        raise RuntimeError(f"This stand-in trains on one instance, not on {len(hosts)}; set InstanceCount to 1.")
    if not include_in_training:
        print(f"Host {current_host} not being used for distributed training.", file=sys.stderr)
        sys.exit(0)
    if update_rabit_args:
        args.update({"is_master": True})
    exec_fun(**args)
