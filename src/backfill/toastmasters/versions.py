"""Versions of the rules. Each changes when, and only when, the same documents would give other figures."""

CALCULATION_VERSION = "1.0.0"
"""Of the rules that make a district's figures."""

RANKING_VERSION = "2.0"
"""Of the rules that rank districts: the Borda count as published, in which a category that ties as a whole counts for nothing."""

SCHEMA_VERSION = "1.0.0"
"""Of the form of the rankings."""
