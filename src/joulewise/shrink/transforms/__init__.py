"""What makes a model cheaper: one file a transform, found by entry point. Heavy libraries load on use only."""

import joulewise.compare.silence  # noqa: F401 - before any of the libraries is imported
