"""Evidence that a linkage was safe and good: attacks, linkage quality, a match repeated with other software."""
