"""A tour of the Python API; every block can be run on its own, as in a notebook."""

# %% Evaluate the bundled model on two levels of one task
import harness

run = harness.run(
    model="smollm2-135m",
    tasks=["sentiment"],
    levels=["character", "semantic"],
    limit=8,
    instructions=2,
    out="runs/quickstart",
)

# %% The numbers: fractions in [0, 1], intervals as [low, high]
for level, stats in run.summary.levels.items():
    if accuracy := stats.accuracy:
        print(f"{level:10} accuracy {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}]")

# %% Every cell, as a pandas frame: a row per scorer that read its answer
print(run.samples.groupby(["scorer", "level", "perturbation"], observed=True)["correct"].mean())

# %% The variants with the largest drops
texts = run.variants.set_index("id")["text"]
for worst in run.summary.worst_variants[:3]:
    print(f"{100 * worst.drop.value:+.1f} points: {texts[worst.variant_id]}")

# %% What a perturbation does to a text
for variant in harness.perturb("Classify the sentiment of the review.", levels="character"):
    print(f"{variant.perturbation:14} {variant.text}")
