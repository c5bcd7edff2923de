"""Method × data × seed: fair runs, exact measures, careful statistics, and a report that says what was measured."""
