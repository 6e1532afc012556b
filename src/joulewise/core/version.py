"""The version, alone in a file: asking `importlib.metadata` takes longer than `joulewise --version` may."""

VERSION = "0.1.0"
