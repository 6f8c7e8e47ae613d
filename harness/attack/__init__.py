"""The adversarial search: which phrasing of an instruction hurts a model most, within a budget."""

from harness.attack.config import AttackConfig
from harness.attack.prepare import PreparedAttack, prepare_attack
from harness.attack.run import Attacked, execute_attack

__all__ = ["AttackConfig", "Attacked", "PreparedAttack", "execute_attack", "prepare_attack"]
