"""What a request passes before anything is done for it: whose page, whose token, what type and size."""
