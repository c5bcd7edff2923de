"""Acquisitions: statistic → score | embedding → selector. They see arrays of statistics, never models."""
