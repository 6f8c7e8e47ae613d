"""The adversarial search: which phrasing of an instruction hurts a model most, within a budget."""

from harness.attacks.config import AttackConfig
from harness.attacks.prepare import PreparedAttack, prepare_attack
from harness.attacks.run import AttackResult, execute_attack

__all__ = ["AttackConfig", "AttackResult", "PreparedAttack", "execute_attack", "prepare_attack"]
