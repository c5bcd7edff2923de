"""Time left: a work that goes evenly, and one that begins with what was known."""

from querist.bench.pace import Pace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_an_even_work():
    clock = Clock()
    pace = Pace(clock)
    clock.now = 10.0
    assert pace.left(0.25) == 30.0
    clock.now = 20.0
    assert pace.left(0.5) == 20.0


def test_what_was_known_is_not_counted():
    clock = Clock()
    pace = Pace(clock)
    assert [pace.left(fraction) for fraction in (0.2, 0.4, 0.6)] == [None] * 3, "nobody can tell yet"
    clock.now = 10.0
    assert abs(pace.left(0.8) - 10.0) < 1e-9
