"""``make demo``: a build from the spoken sentence to the answering endpoint, on a laptop, through AWS's interfaces."""
