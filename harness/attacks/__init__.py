"""The adversarial search: which variant of an instruction hurts a model most, within a budget."""
