"""Stand-in for the package of SageMaker's XGBoost container: the parts that scripts import, for one instance.

The names and results are those of https://github.com/aws/sagemaker-xgboost-container.
"""
