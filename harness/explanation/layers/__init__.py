"""What tuning changed inside a model: relations of words in heads, directions of feed-forward
networks, and whether a changed layer bears the loss under rephrasing. Exploratory."""
