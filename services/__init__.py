"""What runs on top of the three rooms: the broker, the rehearsal of a whole linkage, and assurance."""
