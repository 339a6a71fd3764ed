"""What Qbot promises to be fast at, measured side by side in one run."""
