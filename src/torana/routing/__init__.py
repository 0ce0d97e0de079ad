"""Where to: which targets a model's name stands for, and how they are tried."""
