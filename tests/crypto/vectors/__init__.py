"""Known answers, and the second implementation that made them."""
