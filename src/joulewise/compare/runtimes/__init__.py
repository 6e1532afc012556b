"""What runs models: one file a library, each registered in `joulewise.runtimes` and imported on demand."""

import joulewise.compare.silence  # noqa: F401 - before any of the libraries is imported
