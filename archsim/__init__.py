"""archsim: cycle-level simulation of whole compute-in-memory accelerators."""

__version__ = "0.1.0"
