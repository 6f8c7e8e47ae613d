"""Many runs as pages: an overview and each run's report, served or written as a folder."""
