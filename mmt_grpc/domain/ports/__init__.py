"""What the domain and the exchange engine need of the outside, each contract once, in its Protocol's docstring."""
