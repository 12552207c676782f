"""The whole service, deployed with its own command on local/, as a person uses it."""
