"""Measuring: gas, accuracy, findings."""
