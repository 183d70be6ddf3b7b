"""The event-driven simulation of a placement."""
