"""One module per kind of meter; each has a `discover`, registered as an entry point of `joulewise.meters`."""
