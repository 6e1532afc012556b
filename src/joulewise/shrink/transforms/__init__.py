"""What makes a model cheaper: one file a transform, found by entry point. Heavy libraries load on use only."""
