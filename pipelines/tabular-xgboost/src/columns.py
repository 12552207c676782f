"""The columns of the data: what the model predicts, and from what."""

import pandas as pd

TARGET = "body_mass_g"
CATEGORIES = {
    "species": ["Adelie", "Chinstrap", "Gentoo"],
    "island": ["Biscoe", "Dream", "Torgersen"],
    "sex": ["female", "male"],
}
NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
FEATURES = [*CATEGORIES, *NUMBERS]


def encode(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the features as numbers: each category gets a column of 0 and 1, and an unknown one has only zeros."""
    encoded = {f"{name}={value}": rows[name] == value for name, values in CATEGORIES.items() for value in values}
    return pd.DataFrame(encoded | {name: rows[name] for name in NUMBERS}).astype(float)
