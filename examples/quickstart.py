"""A tour of the Python API; every block can be run on its own, as in a notebook."""

# %% Evaluate the bundled model on two levels of one task
import harness

run = harness.run(
    "smollm2-135m",
    tasks="sentiment",
    levels=["character", "semantic"],
    limit=8,
    instructions=2,
    out="runs/quickstart",
    progress=True,
)
print(run)

# %% The numbers: fractions in [0, 1], each with the ends of its interval beside it
print(run.levels[["accuracy", "accuracy_low", "accuracy_high", "drop", "drop_low", "drop_high"]])

# %% Every cell, as a pandas frame: a row per scorer that read its answer
print(run.samples.groupby(["scorer", "level", "perturbation"], observed=True)["score"].mean())

# %% The variants with the largest drops
for worst in run.summary.worst_variants[:3]:
    text = run.variants.set_index("id").loc[worst.variant_id, "text"]
    print(f"{100 * worst.drop.value:+.1f} points: {text!s}")

# %% The report's charts, to look at or to save
run.plot("perturbations").save("runs/quickstart/perturbations.svg")

# %% A gate: does the run keep to some rules?
policy = {"rules": [{"metric": "drop", "max": 0.2, "margin": 0.1}]}
print(harness.check(run, policy=policy))

# %% What a perturbation does to a text
for variant in harness.perturb("Classify the sentiment of the review.", levels="character"):
    print(f"{variant.perturbation:14} {variant.text}")
