"""The error that a network cannot be lowered yet, which the inputs of a run may put right."""

from __future__ import annotations

from archsim.errors import InputError


class UnsettledError(InputError):
    """All that is wrong is that sizes or numbers are open that follow from the inputs of a run."""
