"""What tests share: tiny models, made runs, texts, and where things lie."""
