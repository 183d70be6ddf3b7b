"""JSON that every parser reads: no NaN, no infinity."""

from __future__ import annotations

import json
from typing import Any


def to_json(document: Any) -> str:
    """The document as indented JSON with a closing newline; `ValueError` if a number is not finite."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
