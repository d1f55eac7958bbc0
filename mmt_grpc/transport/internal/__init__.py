"""What a worker asks of the exchanger of its replica, over a unix socket: both ends."""
