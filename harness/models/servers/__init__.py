"""Models behind a server that speaks OpenAI's protocol: asked over HTTP, probed before use."""
