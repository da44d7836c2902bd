"""sdjp's own API, ``/v1/…``, and its description (OpenAPI)."""
