"""Which words an answer hangs on: importance density, clean against perturbed.

From the cells that matter (`choose`) to the tokens of a prompt and its answer (`ask`), gradients
(`gradients`), words (`words`), their density (`density`), what became of each under the variant
(`shift`), rows on disk (`store`) and the measures of a run (`measures`).
"""
