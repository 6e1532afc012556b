"""What runs models: one file a library, each registered in `joulewise.runtimes` and imported on demand."""
