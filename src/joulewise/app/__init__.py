"""The front doors that people type and click."""
