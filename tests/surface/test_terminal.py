"""On a terminal tables have colour, and long commands show progress; elsewhere nothing of that."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

EVALUATE = ("evaluate", "digits_cnn", "--data", "digits_test", "--set", "precision.input_bits=8")


def _on_a_terminal(*words: str, **settings: str) -> str:
    """What a terminal shows of a command's stdout and stderr."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **settings}
    command = [sys.executable, "-m", "archsim", *words]
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=environment) as running:
        os.close(follower)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # how Linux says that the other side has closed
                break
            if not piece:
                break
            shown += piece
    os.close(leader)
    assert running.returncode == 0
    return shown.decode()


def test_a_terminal_gets_colour_unless_it_does_not_want_it():
    assert "\x1b[1m" in _on_a_terminal("mappings")
    assert "\x1b" not in _on_a_terminal("mappings", NO_COLOR="1")


def test_a_narrow_terminal_cuts_no_figure():
    shown = _on_a_terminal("inspect", "resnet18", NO_COLOR="1", COLUMNS="30")
    assert "layer4.1.conv2" in shown
    assert "1x512x7x7" in shown


def test_progress_is_shown_on_a_terminal_unless_quiet():
    assert "evaluating" in _on_a_terminal(*EVALUATE)
    assert "evaluating" not in _on_a_terminal(*EVALUATE, "--quiet")
