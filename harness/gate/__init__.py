"""The gate: a policy, its judge and the verdict from which the exit code follows."""
