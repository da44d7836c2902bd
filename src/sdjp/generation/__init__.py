"""One run: what is asked for becomes a job, the job latents, the latents pictures."""
