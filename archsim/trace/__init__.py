"""Timelines of a run that trace viewers open."""

from archsim.trace.recorder import Recorder
from archsim.trace.writer import chrome_trace

__all__ = ["Recorder", "chrome_trace"]
