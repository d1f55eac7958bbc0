"""The audit log: append-only files of chained records, written before anything leaves."""
