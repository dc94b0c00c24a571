# SPDX-License-Identifier: MIT
"""Reading errors as a user sees them.

error = refused(kernel)
assert sentence(error) == "sin: needs a float, got i32"
assert marked(error) == "enigma.sin(A[0])"
"""

import pytest

import enigma


def refused(function, error=enigma.TraceError, **options):
    """The error that compiling a kernel raises."""
    kernel = function if isinstance(function, enigma.KernelFunction) else enigma.kernel(function)
    with pytest.raises(error) as caught:
        enigma.compile(kernel, **options)
    return caught.value


def sentence(error):
    return str(error).splitlines()[0]


def marked(error):
    """The part of the source that the carets are under."""
    source, carets = (line.split(" | ", 1)[1] for line in str(error).splitlines()[2:4])
    return source[carets.index("^") : carets.rindex("^") + 1]


def notes(error):
    return [line.removeprefix("note: ") for line in str(error).splitlines() if line.startswith("note: ")]
