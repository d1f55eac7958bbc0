"""Where everything is put together: one composition root per process, and one for administration."""
