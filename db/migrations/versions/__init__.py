"""One file a revision; they are never edited once released."""
