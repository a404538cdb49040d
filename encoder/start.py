"""The start of ``counterfoil``: an interruption while the tool is still being loaded ends it like any other."""

import os
import sys


def main() -> None:
    """Load the commands, which takes a moment, and run the one that was given; 130 if interrupted before that."""
    try:
        from encoder.cli import main as counterfoil
    except KeyboardInterrupt:
        sys.stderr.write("Error: Interrupted.\nNothing was begun; start again when you like.\n")
        sys.stderr.flush()
        os._exit(130)  # half of the modules are loaded: nothing of them must run any more
    counterfoil()
