"""Numbers compared by value (for tasks such as GSM8K, Cobbe et al. 2021, arXiv:2110.14168)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Literal

from harness.grading.final_answer import announced_answer
from harness.grading.grade import UNPARSED, Grade, GraderOptions
from harness.grading.numbers import DecimalPoint, Number, number_text, read_numbers
from harness.grading.tolerance import Amount, Tolerance


class Numeric(GraderOptions):
    """1 where the number that a text ends in equals a reference's, by value.

    Read is the announced final answer ("The answer is 42", `#### 42`, `\\boxed{42}`): its first
    number, or the first after its last equals sign. Without one it is the last number of the text.
    References are read in the same way, so that GSM8K's solutions with their `#### 42` are
    references as they are. Units count for nothing. `numbers` says how numbers are written.

    Example:
        >>> Numeric().grade("3 and 4 make 7, so the answer is $1,007.00.", ["#### 1007"])
        Grade(score=1.0, answer='1007')
        >>> Numeric(relative=0.01).grade("about 99.5", ["100"]).score
        1.0
    """

    name: Literal["numeric"] = "numeric"
    read: Literal["final", "last", "first"] = "final"
    """Which of several numbers counts: of the announced final answer, the last, or the first."""
    absolute: Amount = 0.0
    """Largest difference from the reference that is right."""
    relative: Amount = 0.0
    """The same as a share of the reference; the larger of both is allowed."""
    decimal: DecimalPoint = "."
    """The decimal point where one separator stands before three digits (1.000, 1,000)."""
    percent: Literal["unit", "hundredth"] = "unit"
    """What a percent sign is: a `unit` (12 % is 12) or a `hundredth` (12 % is 0.12)."""

    binary: ClassVar[bool] = True

    def grade(self, text: str, references: Sequence[str]) -> Grade:
        """1 where the text's number is within the tolerance of any reference's."""
        value = self._read(text)
        if value is None:
            return UNPARSED
        known = [read for one in references if (read := self._read(one)) is not None]
        tolerance = Tolerance(absolute=self.absolute, relative=self.relative)
        right = any(tolerance.allows(value, reference) for reference in known)
        return Grade(float(right), number_text(value))

    def problem(self, references: Sequence[str]) -> str | None:
        """Every reference must hold a number."""
        without = [one for one in references if self._read(one) is None]
        if without:
            return f"the reference {without[0][:80]!r} holds no number"
        return super().problem(references)

    def _read(self, text: str) -> Decimal | None:
        number = self._announced(text) if self.read == "final" else None
        if number is None:
            numbers = read_numbers(text, self.decimal)
            number = numbers[0 if self.read == "first" else -1] if numbers else None
        if number is None:
            return None
        return number.as_hundredths if self.percent == "hundredth" else number.value

    def _announced(self, text: str) -> Number | None:
        answer = announced_answer(text)
        if answer is None:
            return None
        result = read_numbers(answer.rpartition("=")[2], self.decimal)
        return next(iter(result or read_numbers(answer, self.decimal)), None)
