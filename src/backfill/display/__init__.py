"""How values look in a notebook: HTML without a script, on a light or a dark ground, from nothing but the values. Loaded by who looks."""
