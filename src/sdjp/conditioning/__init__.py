"""From a prompt to the states that condition the UNet: read, encode, emphasise, remember.

``reader`` is the one place where a prompt is read, whether it is drawn or explained; it loads no torch.
"""
