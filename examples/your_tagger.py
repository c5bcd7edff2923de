"""A token classifier of your own under any strategy: a function that gives the model and its tokenizer is all there is to write.

The learner options that take it: `{"recipe": "tagger", "encoder": "pieces:your_tagger:make",
"network": {"use": "querist.nets.pieces:PieceTagger", "make_with": "your_tagger:make"}}`.
"""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast


def make() -> tuple[Any, Any]:
    """A small BERT and its tokenizer, both new; with weights of yours: `from_pretrained(PATH)` of your model and of its `AutoTokenizer`."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    letters = trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[PAD]", "[UNK]"])
    tokenizer.train_from_iterator(["abcdefghijklmnopqrstuvwxyz 0123456789 , ; / - ."] * 2, letters)
    config = BertConfig(vocab_size=90, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    return BertForTokenClassification(config).base_model, PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")  # type: ignore[no-untyped-call]
