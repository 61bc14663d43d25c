"""Exact Python twins of the contracts, and simulations of the people who use them."""
