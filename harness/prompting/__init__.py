"""From an instruction and an example to what a model is asked, and back from its response."""
