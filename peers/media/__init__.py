"""What a headless peer sends and what it makes of what it gets: sources, marks, recorder, observer."""
