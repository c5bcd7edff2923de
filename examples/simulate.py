"""A small study from Python: every method gets the same initial sets, the same optimiser steps and the same scored pool."""

from __future__ import annotations

import numpy as np

import querist

study = querist.simulate("digits", ["margin", "badge"], seeds=2, initial=20, batch=20, budget=100)

print(f"{study.dataset}: mean accuracy on the {study.split} split, {study.wall_seconds:.0f} s in all")
print("labels    " + "".join(f"{labels:>7}" for labels in study.budgets))
for name, result in study.methods.items():
    print(f"{name:<10}" + "".join(f"{accuracy:7.3f}" for accuracy in np.mean(result.curve, axis=0)))

# Two seeds show how it is used; a verdict needs five, and an adjusted interval that excludes zero.
for one in study.comparisons:
    print(f"{one.method} against {one.baseline}: area under the curve {one.difference:+.4f}, {one.verdict}")
