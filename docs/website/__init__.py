"""The documentation as a site: pages are staged for Zensical, which builds one site for each language."""
