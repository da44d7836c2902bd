"""The page that tells what became of a job: ``page`` puts it together in one pass over the records."""
