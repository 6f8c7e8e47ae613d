"""The cellar: records, errors, names, locks and files, which every other room stands on."""
