"""Before and after every request: who asks, how often, and what every answer has, errors too."""
