"""A file a command: each reads its options, calls the API once, and writes what comes back."""
