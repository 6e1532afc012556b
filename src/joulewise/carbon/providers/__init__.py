"""Sources of intensities, one module each; the chain loads them by their entry points when they are asked for."""
