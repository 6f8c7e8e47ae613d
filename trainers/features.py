"""From pairs to tokens: the prompts that an evaluation would show, each with its target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from transformers import PreTrainedTokenizerBase

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.core.records import Request, stable_hash
from harness.models.contract import Architecture
from harness.models.loading.wrap import wrap_tokenizer
from harness.prompting.prompts import Prompter, PromptFormat, shows_system
from trainers.choices import Overlong
from trainers.pairs.record import Pair


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A prompt and its response in tokens."""

    ids: tuple[int, ...]
    prompt: int
    """How many of them are the prompt; the others are the response."""
    content: tuple[int, ...] = ()
    """Positions in the prompt that hold the instruction or the input, not the layout."""


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A pair in tokens, and what the sampler must know about it."""

    original: EncodedText
    paraphrase: EncodedText
    target: str
    instruction_id: str
    instance_id: str
    request_id: str = ""
    input_id: str = ""

    @property
    def class_number(self) -> int:
        """Equal for pairs of the same request and target, in 56 bits: a tensor's have a sign."""
        return stable_hash(self.request_id, self.target, bits=56)

    @property
    def length(self) -> int:
        """Tokens of the longer text."""
        return max(len(self.original.ids), len(self.paraphrase.ids))

    @property
    def tokens(self) -> int:
        """Tokens of both texts."""
        return len(self.original.ids) + len(self.paraphrase.ids)


class PairEncoder:
    """Encodes pairs as an evaluation encodes its cells: same layout, same tokens at the seam."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        layout: PromptFormat,
        *,
        end_token: bool,
        content: bool = False,
        architecture: Architecture = "decoder",
    ) -> None:
        """Prepare.

        Args:
            tokenizer: that of the base model.
            layout: of the prompts.
            end_token: whether each target is followed by the token that ends an answer.
            content: whether to find where instruction and input stand (for instruction modelling).
            architecture: of the base model.

        Raises:
            UsageError: the tokenizer has no end token, or cannot tell positions in a text.
        """
        self._raw = tokenizer
        self._tokenizer = wrap_tokenizer(tokenizer, architecture)
        self._architecture = architecture
        self._layout = layout
        self._end = _end_token(tokenizer, layout) if end_token else None
        self._content = content
        if content and not tokenizer.is_fast:
            raise UsageError(
                "instruction modelling must know where the instruction stands, and this tokenizer "
                "cannot tell positions in a text.",
                hint="Use a model with a tokenizer.json, or another objective.",
            )

    def encode(self, pairs: Sequence[Pair]) -> list[EncodedPair]:
        """The pairs in tokens, in order.

        Raises:
            UsageError: a prefill for an encoder-decoder.
        """
        if self._architecture == "encoder-decoder" and any(pair.prefill for pair in pairs):
            raise UsageError(
                "the pairs have a prefill, and an encoder-decoder's answer is a text of its own "
                "that a prompt cannot begin.",
                hint="Leave `prefill` out of the pairs, or take a model that goes on with its "
                "prompt.",
            )
        variants = [(pair, text) for pair in pairs for text in (pair.original, pair.paraphrase)]
        texts = list(self._texts(variants))
        return [
            EncodedPair(
                original,
                paraphrase,
                pair.target,
                pair.instruction_id,
                pair.instance_id,
                pair.request_id,
                pair.input_id,
            )
            for pair, original, paraphrase in zip(pairs, texts[::2], texts[1::2], strict=True)
        ]

    def _texts(self, variants: Sequence[tuple[Pair, str]]) -> Iterator[EncodedText]:
        asked = []
        for pair, text in variants:
            prompter = self._prompter(pair)
            answers = {"target": prompter.answer(pair.target)}
            asked.append(replace(prompter.ask(text, pair.input), answers=answers))
        requests = self._tokenizer.requests(asked)
        for request, prompt, variant in zip(requests, asked, variants, strict=True):
            yield self._join(request, prompt.text, variant)

    def _prompter(self, pair: Pair) -> Prompter:
        return Prompter(
            layout=self._layout,
            answer_cue=pair.answer_cue,
            verbalizer_of={"target": pair.target},
            render_chat=self._tokenizer.render_chat,
            placement=pair.placement,
            system=pair.system,
            has_system_role=not pair.system or self._has_system_role,
            gap=pair.gap,
            prefill=pair.prefill,
        )

    @cached_property
    def _has_system_role(self) -> bool:
        return self._layout != "chat" or shows_system(self._tokenizer.render_chat)

    def _join(self, request: Request, prompt: str, variant: tuple[Pair, str]) -> EncodedText:
        length = len(request.context)
        if not length:
            raise UsageError(
                f"the prompt {prompt!r} has no token of its own, so nothing predicts its target.",
                hint="Use pairs with longer instructions.",
            )
        ids = (*request.context, *request.continuations["target"])
        if self._end is not None and ids[-1] != self._end:
            ids = (*ids, self._end)
        content = self._find_content(prompt, variant, length) if self._content else ()
        return EncodedText(ids, length, content)

    def _find_content(self, prompt: str, variant: tuple[Pair, str], length: int) -> tuple[int, ...]:
        """Token positions that overlap the instruction or the input, never the first token."""
        pair, instruction = variant
        spans: list[tuple[int, int]] = []
        at = prompt.find(pair.system) + len(pair.system)  # it may hold the instruction's words
        parts = (instruction, pair.input)
        if pair.placement != "first":
            parts = (*(parts if pair.placement == "both" else (pair.input,)), instruction)
        for text in filter(None, parts):
            start = prompt.find(text, at)
            if start < 0:
                raise UsageError(
                    f"the layout {self._layout!r} changes the text {text[:60]!r}, so instruction "
                    "modelling cannot find it.",
                    hint="Type: --prompt-format plain.",
                )
            at = start + len(text)
            spans.append((start, at))
        offsets = self._raw(
            prompt, add_special_tokens=self._layout != "chat", return_offsets_mapping=True
        )["offset_mapping"]
        return tuple(
            position
            for position, (start, end) in enumerate(offsets[:length])
            if position and any(start < last and first < end for first, last in spans)
        )


def drop_overlong(
    pairs: Sequence[EncodedPair], *, max_length: int, overlong: Overlong
) -> list[EncodedPair]:
    """The pairs whose texts fit; nothing is ever cut.

    Raises:
        UsageError: some do not fit and `overlong` is `error`; the message counts them.
        NothingToEvaluateError: none fits.
    """
    fit = [pair for pair in pairs if pair.length <= max_length]
    if len(fit) == len(pairs):
        return fit
    longest = max(pair.length for pair in pairs)
    targets = sum(_longest_target(pair) > max_length for pair in pairs)
    message = (
        f"{len(pairs) - len(fit):,} of {len(pairs):,} pairs are longer than {max_length} tokens "
        f"(the longest has {longest:,}; of {targets:,} the target alone is too long), and targets "
        "are never cut."
    )
    if not fit:
        raise NothingToEvaluateError(message, hint=f"Type: --max-length {longest}.")
    if overlong == "error":
        raise UsageError(message, hint=f"Type: --max-length {longest}, or --overlong drop.")
    return fit


def _longest_target(pair: EncodedPair) -> int:
    return max(len(text.ids) - text.prompt for text in (pair.original, pair.paraphrase))


def _end_token(tokenizer: PreTrainedTokenizerBase, layout: PromptFormat) -> int:
    """The token that ends an answer: what the chat template writes there, or end of sequence."""
    if layout == "chat":
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\u2603"}]
        text = str(tokenizer.apply_chat_template(turns, tokenize=False))
        closing = text.rpartition("\u2603")[2].lstrip()
        ids = tokenizer(closing, add_special_tokens=False)["input_ids"] if closing else []
        if ids and ids[0] in tokenizer.all_special_ids:
            return int(ids[0])
    if tokenizer.eos_token_id is None:
        raise UsageError(
            "the tokenizer has no end-of-sequence token to put after targets.",
            hint="Type: --no-end-token.",
        )
    return int(tokenizer.eos_token_id)
