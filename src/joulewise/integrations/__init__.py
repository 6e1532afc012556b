"""Thin adapters into other people's frameworks, a file each."""
