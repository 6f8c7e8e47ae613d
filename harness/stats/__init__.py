"""Statistics of repeated prompts on repeated examples: one method a module.

`twoway` says how sure an average over prompts and examples is, `estimate` turns that into intervals
and p values, `bootstrap` resamples both ways for what has no formula, and the rest are the tests
and rules that comparisons, gates and early stopping need.
"""
