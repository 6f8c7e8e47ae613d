"""The main job, in the order of its steps: configuration, selection, variants, plan, execution."""
