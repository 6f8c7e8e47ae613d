"""Adversarial searches against a model that is good at SST-2: harm done for the cells spent.

    python benchmarks/attack_sst2.py tune   --data-dir DATA --work DIR
    python benchmarks/attack_sst2.py attack --data-dir DATA --work DIR
    python benchmarks/attack_sst2.py table  --work DIR

`tune` trains the bundled SmolLM2-135M on some hundred batches of SST-2 with plain PyTorch, so that
it is well above chance. `attack` runs every search of `SEARCHES` on it, each in a directory of its
own, so that a stopped benchmark resumes, and replays what was found on other models. `table`
prints both tables as Markdown from what is there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from harness import load_run, run
from harness.attacks.config import AttackConfig
from harness.attacks.prepare import prepare_attack
from harness.attacks.run import execute_attack
from harness.core.records import PerturbedLevel
from harness.evaluation.prepare import make_tools
from harness.prompting.prompts import Prompter
from harness.results.jsonfiles import Json
from harness.tasks import Task, load_tasks

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BUNDLED = "smollm2-135m"


@dataclass(frozen=True)
class Search:
    """One search: a recipe at a level with a budget."""

    level: PerturbedLevel
    recipe: str
    budget: int

    def folder(self, instruction: str, seed: int) -> str:
        return f"{self.level}-{self.recipe.replace(':', '-')}-{instruction}-{seed}"


SEARCHES = (
    Search("character", "race", 2_000),
    Search("character", "promptbench-greedy", 10_000),
    Search("character", "textattack:deepwordbug", 2_000),
    Search("word", "textattack:textfooler", 2_000),
    Search("sentence", "promptbench:checklist", 2_000),
    Search("sentence", "promptbench:stresstest", 2_000),
    Search("word", "race", 2_000),
    Search("word", "promptbench-greedy", 10_000),
    Search("sentence", "race", 2_000),
    Search("sentence", "promptbench-greedy", 10_000),
    Search("semantic", "race", 2_000),
    Search("semantic", "promptbench-greedy", 10_000),
    Search("semantic", "promptbench:semantic", 2_000),
)


def main() -> None:
    args = _parse_args()
    if args.command == "tune":
        tune(args)
    elif args.command == "attack":
        attack(args)
    else:
        print_tables(args)


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("tune", "attack", "table"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--instructions", nargs="*", default=["task-1"])
    parser.add_argument(
        "--levels", nargs="*", default=["character", "word", "sentence", "semantic"]
    )
    return parser.parse_args()


def tune(args: argparse.Namespace) -> None:
    """Train on the answers alone, instructions of the task in turn; writes WORK/tuned-SEED."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from harness.models import ModelSpec, load_model

    source = load_model(ModelSpec(BUNDLED))
    task = load_tasks(suite=None, names=("sst2",), data_dir=args.data_dir, few_shot=True)[0]
    tools = make_tools(task, source, "plain")
    for seed in args.seeds:
        out = args.work / f"tuned-{seed}"
        if (out / "config.json").is_file():
            continue
        torch.manual_seed(seed)
        tokenizer = AutoTokenizer.from_pretrained(source.info.path)
        model = AutoModelForCausalLM.from_pretrained(source.info.path, dtype=torch.float32)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5, weight_decay=0.0)
        for step, texts in enumerate(_batches(task, tools.prompter, args, seed)):
            for group in optimizer.param_groups:
                group["lr"] = 3e-5 * min(1.0, (step + 1) / 20) * (1 - step / args.steps)
            loss = _answer_loss(model, tokenizer, texts)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if step % 20 == 0:
                print(f"seed {seed} step {step} loss {loss.item():.3f}", flush=True)
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)


def _batches(
    task: Task, prompter: Prompter, args: argparse.Namespace, seed: int
) -> Iterator[list[tuple[str, str]]]:
    """(prompt, answer) pairs of training examples, none of which is in the dev set."""
    dev = {example.input for example in task.examples}
    rows = [example for example in task.few_shot if example.input not in dev]
    rng = Random(seed)
    for _ in range(args.steps):
        yield [
            (
                prompter.prompt(rng.choice(task.instructions).text, example.input),
                prompter.continuation(example.gold),
            )
            for example in rng.sample(rows, args.batch)
        ]


def _answer_loss(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[tuple[str, str]]
) -> Tensor:
    """Cross-entropy of the answers' tokens."""
    import torch

    full = [tokenizer(prompt + answer)["input_ids"] for prompt, answer in texts]
    starts = [len(tokenizer(prompt)["input_ids"]) for prompt, _ in texts]
    longest = max(map(len, full))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in full])
    labels = torch.full_like(ids, -100)
    for row, (tokens, start) in enumerate(zip(full, starts, strict=True)):
        labels[row, start : len(tokens)] = ids[row, start : len(tokens)]
    mask = (torch.arange(longest) < torch.tensor(list(map(len, full)))[:, None]).long()
    loss: Tensor = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    return loss


def attack(args: argparse.Namespace) -> None:
    for seed in args.seeds:
        for instruction in args.instructions:
            for search in SEARCHES:
                if search.level in args.levels:
                    _attack_once(args, search, instruction, seed)
    _transfer(args)


def _attack_once(args: argparse.Namespace, search: Search, instruction: str, seed: int) -> None:
    out = args.work / "attacks" / search.folder(instruction, seed)
    if _finished(out):
        return
    config = AttackConfig(
        model=str(args.work / "tuned-0"),
        task="sst2",
        out=out,
        recipe=search.recipe,
        level=search.level,
        perturbations=("all",),
        budget=search.budget,
        instruction=instruction,
        seed=seed,
        prompt_format="plain",
        dtype=args.dtype,
        data_dir=args.data_dir,
    )
    report = execute_attack(prepare_attack(config), command="benchmarks/attack_sst2.py").report
    print(_row(search, report), flush=True)


def _finished(out: Path) -> bool:
    path = out / "attack.json"
    return path.is_file() and json.loads(path.read_text())["status"] == "complete"


def _transfer(args: argparse.Namespace) -> None:
    """Replay what was found on `tuned-0` on other models, on the examples of the report split."""
    for target in ("tuned-1", BUNDLED):
        model = args.work / target
        if target != BUNDLED and not model.is_dir():
            continue
        variants = args.work / "found.jsonl"
        variants.write_text("".join(_found_rows(args)), encoding="utf-8")
        run(
            str(model) if target != BUNDLED else BUNDLED,
            tasks=["sst2"],
            variants=variants,
            limit=200,
            prompt_format="plain",
            dtype=args.dtype,
            data_dir=args.data_dir,
            out=args.work / f"transfer-{target}",
        )


def _found_rows(args: argparse.Namespace) -> Iterator[str]:
    seen: set[str] = set()
    for path in sorted((args.work / "attacks").glob("*/variants.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line not in seen:
                seen.add(line)
                yield line + "\n"


def print_tables(args: argparse.Namespace) -> None:
    print(
        "| level | recipe | instruction | search cells | clean | attacked | drop (95 %) "
        "| words changed | edit distance | similarity | label words |\n"
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    )
    for search in SEARCHES:
        for path in sorted((args.work / "attacks").glob(search.folder("*", 0)[:-1] + "*")):
            if _finished(path):
                print(_row(search, json.loads((path / "attack.json").read_text())))
    for target in ("tuned-1", BUNDLED):
        folder = args.work / f"transfer-{target}"
        if (folder / "summary.json").is_file():
            _print_transfer(target, folder)


def _row(search: Search, report: Json) -> str:
    found, measured, cells = report["found"], report["report"], report["cells"]
    low, high = measured["drop_ci"]
    similarity = "-" if found["similarity"] is None else f"{found['similarity']:.2f}"
    columns = (
        search.level,
        search.recipe,
        report["instruction"]["id"],
        f"{cells['search']:,}",
        f"{100 * measured['clean_accuracy']:.1f}",
        f"{100 * measured['accuracy']:.1f}",
        f"{100 * measured['drop']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        f"{100 * found['words_changed']:.0f} %",
        f"{found['char_distance']}",
        similarity,
        "intact" if found["label_words_intact"] else "lost",
    )
    return f"| {' | '.join(columns)} |"


def _print_transfer(target: str, folder: Path) -> None:
    print(f"\n| found by, on tuned-0 | drop on {target} (95 %) |\n| --- | ---: |")
    worst = load_run(folder).summary.worst_variants
    for variant in sorted(worst, key=lambda row: (row.level, row.perturbation)):
        low, high = variant.drop.interval or (float("nan"), float("nan"))
        print(
            f"| {variant.level}: {variant.perturbation} ({variant.instruction_id}) "
            f"| {100 * variant.drop.value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}) |"
        )


if __name__ == "__main__":
    main()
