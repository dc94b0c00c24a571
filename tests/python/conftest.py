# SPDX-License-Identifier: MIT
"""Settings that all Python tests share: the Hypothesis profiles.

`./dev test` takes the same examples on every run, so that a failure means a change; `./dev fuzz` sets
HYPOTHESIS_PROFILE=fuzz and searches.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fuzz", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
