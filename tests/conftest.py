"""What every test shares: how hypothesis searches."""

import os

from hypothesis import HealthCheck, settings

# No deadline: a shared machine's pauses are not the code's. In CI the same examples come every time.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "local")
