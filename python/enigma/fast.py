# SPDX-License-Identifier: MIT
"""Float functions of Metal's `fast` namespace: less accurate, NaN and infinities are not kept."""

from enigma._enigma.fast import *

# Those that have one form in Metal: the same in each namespace.
from enigma.functions import abs as abs
from enigma.functions import ceil as ceil
from enigma.functions import clamp as clamp
from enigma.functions import copysign as copysign
from enigma.functions import erf as erf
from enigma.functions import erfinv as erfinv
from enigma.functions import fabs as fabs
from enigma.functions import fdim as fdim
from enigma.functions import floor as floor
from enigma.functions import fma as fma
from enigma.functions import fmax as fmax
from enigma.functions import fmin as fmin
from enigma.functions import fmod as fmod
from enigma.functions import fract as fract
from enigma.functions import frexp as frexp
from enigma.functions import ldexp as ldexp
from enigma.functions import max as max
from enigma.functions import min as min
from enigma.functions import mix as mix
from enigma.functions import modf as modf
from enigma.functions import nextafter as nextafter
from enigma.functions import rint as rint
from enigma.functions import round as round
from enigma.functions import saturate as saturate
from enigma.functions import sign as sign
from enigma.functions import smoothstep as smoothstep
from enigma.functions import step as step
from enigma.functions import trunc as trunc
