"""How much memory the largest process of a rehearsal took."""

import resource
import sys


def peak_memory_mb() -> float:
    """Peak resident memory, in MiB, of this process or of the largest of its ended children (the broker)."""
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) * unit / 2**20
