"""The engine of the exchanger: the only place where provider answers become rows."""
