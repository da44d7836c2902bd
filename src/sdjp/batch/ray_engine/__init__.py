"""The engine ``ray``: ``cluster`` gives out tasks to a process (``driver``) that Ray runs in; actors draw."""
