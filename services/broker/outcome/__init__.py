"""What leaves the broker of a decided run: counts and quality by the suppression rule, control rows, tokens."""
