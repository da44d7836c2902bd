"""Jobs: a queue on disk, one worker that draws, and what becomes of the pictures. No web in here."""
