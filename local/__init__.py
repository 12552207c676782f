"""An AWS for the laptop: moto, plus what moto lacks. It knows nothing of the services that people deploy to it."""
