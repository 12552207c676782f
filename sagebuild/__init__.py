"""CI/CD for SageMaker models: the domain."""
