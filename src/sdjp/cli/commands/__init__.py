"""The commands, one a file: ``parser()`` gives its options, ``run(args)`` does its work."""
