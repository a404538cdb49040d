"""How Counterfoil is put on machines."""
