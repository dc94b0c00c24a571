# SPDX-License-Identifier: MIT
"""Settings that all Python tests share: the Hypothesis profiles, and where processes of their own find the package.

`./dev test` takes the same examples on every run, so that a failure means a change; `./dev fuzz` sets
HYPOTHESIS_PROFILE=fuzz and searches. Nothing is kept on disk, and nothing found there: a test compiles what it tests
(test_disk_cache.py gives its processes folders of their own).
"""

import os
import sys

os.environ["ENIGMA_CACHE"] = "0"
# As `pythonpath` in pyproject.toml has it for this process.
os.environ["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fuzz", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
