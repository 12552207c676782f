"""Learns to classify reviews with a transformer: one script for SageMaker's Hugging Face containers.

Training reads CSV files from the channel ``training``: a sentence and its class, 0 or 1, in each line. On AWS it
downloads the model to fine-tune from the Hugging Face Hub. On a laptop, where HF_HUB_OFFLINE is 1, it trains a small
transformer from scratch. The endpoint needs no script: the container serves the saved model for the task that its
variable HF_TASK names.
"""

import argparse
import csv
import os
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
)

# https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables#hfhuboffline
OFFLINE = os.environ.get("HF_HUB_OFFLINE") == "1"


def read_rows(folder: Path) -> tuple[list[str], list[int]]:
    """Return the sentences of all CSV files and their classes, shuffled with a fixed seed."""
    rows = [row for file in sorted(folder.glob("*.csv")) for row in csv.reader(file.open(encoding="utf-8"))]
    random.Random(0).shuffle(rows)
    return [text for text, _ in rows], [int(label) for _, label in rows]


def load(base_model: str) -> tuple[Any, Any]:
    """Return the tokenizer and the model of the Hub."""
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    return tokenizer, AutoModelForSequenceClassification.from_pretrained(base_model, num_labels=2)


def create(texts: list[str]) -> tuple[Any, Any]:
    """Return a tokenizer with the words of the texts, and a small transformer that has learned nothing yet."""
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]"]))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],
    )
    sizes = {"dim": 32, "hidden_dim": 64, "n_layers": 1, "n_heads": 2, "max_position_embeddings": 128}
    config = DistilBertConfig(vocab_size=len(tokenizer), num_labels=2, **sizes)
    return tokenizer, DistilBertForSequenceClassification(config)


def main() -> None:
    """Train as the hyperparameters say, and print the validation accuracy after each epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-model", default="distilbert-base-uncased")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-3 if OFFLINE else 5e-5)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    given = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    texts, classes = read_rows(given.training)
    held_out = len(texts) // 5
    tokenizer, model = create(texts[held_out:]) if OFFLINE else load(given.base_model)
    model = model.to(device)
    print("trained from scratch" if OFFLINE else f"fine-tuned from {given.base_model}", flush=True)
    encoded = {name: value.to(device) for name, value in tokenizer(texts, padding=True, return_tensors="pt").items()}
    labels = torch.tensor(classes, device=device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=given.learning_rate)
    for epoch in range(1, given.epochs + 1):
        model.train()
        for batch in (torch.randperm(len(texts) - held_out) + held_out).split(given.batch_size):
            loss = model(**{name: value[batch] for name, value in encoded.items()}, labels=labels[batch]).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        model.eval()
        with torch.no_grad():
            said = model(**{name: value[:held_out] for name, value in encoded.items()}).logits.argmax(1)
        accuracy = (said == labels[:held_out]).float().mean().item()
        print(f"epoch {epoch}: loss={loss.item():.4f} accuracy={accuracy:.4f}", flush=True)
    model.save_pretrained(given.model_dir)
    tokenizer.save_pretrained(given.model_dir)


if __name__ == "__main__":
    main()
