"""Word level: synonyms, inflections, substitutions and slips of the pen."""
