"""Merges requests into one build: leaves out repeated ones, and refuses those that do not fit earlier ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sagebuild.builds.lock import Pending, PipelineState, fingerprint_request
from sagebuild.builds.records import now
from sagebuild.errors import ParameterError
from sagebuild.launch.triggers import Expected, LaunchRequest
from sagebuild.parameters.merging import merge_overrides
from sagebuild.parameters.store import read_document
from sagebuild.service import Service

# Why a request is refused that a person confirmed in another state of the pipeline.
OUTDATED = "A build has started or ended, or has other parameters, since the request was confirmed; plan it again."


def leave_out_seen(seen: Sequence[str], requests: Sequence[LaunchRequest]) -> dict[str, LaunchRequest]:
    """Return the requests that were not counted yet, by fingerprint."""
    counted = set(seen)
    by_fingerprint = {fingerprint_request(request.id): request for request in requests}
    return {fingerprint: one for fingerprint, one in by_fingerprint.items() if fingerprint not in counted}


def refuse_conflicts(
    service: Service, state: PipelineState, new: Mapping[str, LaunchRequest]
) -> tuple[dict[str, LaunchRequest], dict[str, str]]:
    """Return the requests that fit together, by fingerprint, and the reasons for refusing the others, by id.

    Each request is valid by itself. Of two that are invalid together, the later one is refused. A request that was
    confirmed in another state is refused, too.
    """
    overrides = state.pending.overrides if state.pending else ""
    now_expected = Expected(state.last_number, state.running or 0, overrides)
    fitting, refused, document = {}, {}, ""
    for fingerprint, request in new.items():
        if request.expected not in (None, now_expected):
            refused[request.id] = OUTDATED
            continue
        merged = merge_overrides(overrides, request.overrides)
        try:
            if overrides not in ("", merged):
                from sagebuild.parameters.overrides import check_overrides

                document = document or read_document(service)
                check_overrides(service.settings, document, request.overrides, overrides)
        except ParameterError as error:
            refused[request.id] = f"The request does not fit the earlier ones for the same build.\n{error}"
        else:
            fitting[fingerprint], overrides = request, merged
    return fitting, refused


def coalesce(pending: Pending | None, new: Sequence[LaunchRequest]) -> Pending:
    """Merge new requests into the pending build; of a parameter that several set, the last value wins."""
    first = pending or Pending(new[0].trigger, 0, now().isoformat())
    overrides = first.overrides
    for request in new:
        overrides = merge_overrides(overrides, request.overrides)
    kinds = Counter(first.kinds) + Counter(request.trigger.kind for request in new)
    commit = next((request.commit for request in reversed(new) if request.commit), first.commit)
    return Pending(first.trigger, first.count + len(new), first.since, dict(kinds), overrides, commit)
