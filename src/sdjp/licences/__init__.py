"""The licences of what is installed: the code, its weights and dictionaries, Python packages, a model.

``shipped`` is the one table of what is in the package and whose it is; ``NOTICE`` is written from it.
``works`` has the works of others, ``catalogue`` the licences, ``duties`` what each asks of whom. ``packages``
and ``model`` look at what is installed. Nothing here is legal advice, and nothing here loads torch.
"""
