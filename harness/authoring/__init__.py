"""Task files from what people have: a table, another program's configuration; and their faults."""
