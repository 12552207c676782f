"""An AWS for the laptop: moto and the features that moto lacks. It is independent of the services deployed to it."""
