"""Learners: network × scheme × inference → statistics. Knows neither projects nor acquisitions, only core's contracts."""
