"""The broker's own keys: how the file that holds them is opened, and locked anew."""
