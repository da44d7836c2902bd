"""AUTOMATIC1111's ``/sdapi/v1``, as far as programs that were written for it ask for it.

A request is turned into a body of the native API (``requests.py``), goes its way through the queue, and what
comes out is told as the web UI tells it (``replies.py``). What has no meaning here is refused, or told in the
reply: nothing is left out in silence.
"""
