"""Evidence that a linkage was safe and good: attacks, linkage quality, the pack for a DPIA, a match repeated."""
