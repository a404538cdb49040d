"""Every party of a linkage on one machine, through the real doors: demo, training, evaluation."""
