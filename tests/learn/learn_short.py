"""A scheme that is done in a blink."""

from __future__ import annotations

from querist.learn.schemes.supervised import Steps, Supervised

SHORT = Supervised(steps=Steps(0.0, 20, 20), rate=0.02)
