"""Looking at stored days over time: figures as a table, two days compared, what may be forgotten."""
