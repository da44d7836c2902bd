"""Many pictures from a file of prompts: on one machine or many, none lost, none twice."""
