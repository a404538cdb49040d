"""The command ``counterfoil``: one small module per group of commands."""
