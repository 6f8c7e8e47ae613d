"""Character level: typing slips, look-alike letters, case, space and punctuation."""
