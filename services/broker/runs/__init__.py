"""The way of a run: its states, its tasks, the durable steps, and who works on them."""
