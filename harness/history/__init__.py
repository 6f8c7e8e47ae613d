"""Many runs: found below folders, indexed, followed over time."""
