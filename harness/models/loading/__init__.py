"""From what the user typed to a model in memory: sources, formats, adapters, devices."""
