"""Ways to make variants of an instruction, at four levels: character to semantic.

from perturbations import find, perturb_text

perturb_text("Classify the review.", find("keyboard"), seed=7)
"""

from perturbations.apply import VariantSet, clean_variant, make_variants, perturb_text
from perturbations.base import REGISTRY, Apply, Draft, Perturbation, Span, Subject
from perturbations.catalogue import Selection, find, load_plugin, select, validity_notes
from perturbations.protect import find_protected
from perturbations.validity import Similarity, measure

__all__ = [
    "REGISTRY",
    "Apply",
    "Draft",
    "Perturbation",
    "Selection",
    "Similarity",
    "Span",
    "Subject",
    "VariantSet",
    "clean_variant",
    "find",
    "find_protected",
    "load_plugin",
    "make_variants",
    "measure",
    "perturb_text",
    "select",
    "validity_notes",
]
