"""Where the runs are kept that later ones are judged against."""
