"""Speed and quality, measured against others in one run. No tests: nothing here gates by time."""
