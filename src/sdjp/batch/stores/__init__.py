"""Places for the files of a job: a folder, an object store, and what both must be able to do."""
