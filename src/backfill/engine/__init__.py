"""Carries out plans: knows the protocols, never an adapter."""
