"""The local engine: label likelihoods and greedy text, each shared prefix computed once."""
