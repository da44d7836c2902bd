"""A small server with a queue: ``sdjp serve``, and its page, ``sdjp ui``.

From top to bottom: ``app`` puts the routes together; ``native``, ``openai`` and ``a1111`` are three ways to
ask for the same; ``request`` turns what is asked for into a job; ``jobs`` keeps and draws jobs and knows
nothing of the web. The packages that it needs come with ``pip install "sdjp[server]"``.
"""
