"""What a run leaves on disk, and the ways back into it."""
