"""Joules to gCO2e, water and cost."""
