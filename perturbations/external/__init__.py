"""Bridges to other projects' attacks and prompts: TextAttack and PromptBench."""
