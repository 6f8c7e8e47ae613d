"""The adversarial search: which phrasing of an instruction hurts a model most, within a budget."""
