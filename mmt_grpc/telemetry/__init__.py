"""What the processes tell of themselves: events, metrics, titles; and how they measure time."""
