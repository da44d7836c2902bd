"""The server: jobs, an HTTP API for programs, and a page for people (``sdjp serve``, ``sdjp ui``)."""
