# %% [markdown]
# # A linear probe on frozen features, under three splits
#
# How much of a score is the label, and how much the plate? The same linear classifier on the same frozen features
# is scored with validation sets drawn by example, by `group` (the specimen: a well, a slide, a patient) and by
# `batch` (the plate, the experiment). A model that knows plates scores high on the first and low on the last.
#
# The features are the 32 numbers of `cytoimagenet report`, of no learned model; put your own network's in their
# place.

# %%
import numpy as np

import cytoimagenet
from builder.inspect.explorer.features import features

PACKAGE = "cytoimagenet"
cells = cytoimagenet.open(PACKAGE, "full", "train+validation")
table = cytoimagenet.open(PACKAGE, "metadata", "train+validation")
print(len(cells), "examples")

# %% [markdown]
# ## Frozen features

# %%
vectors = np.stack([features(np.asarray(example["image"])) for example in cells])
vectors = (vectors - vectors.mean(axis=0)) / (vectors.std(axis=0) + 1e-9)
vectors = np.hstack([vectors, np.ones((len(vectors), 1))])
rows = [table[n] for n in range(len(table))]
names, labels = np.unique([row["label"] for row in rows], return_inverse=True)
group = np.array([row["group"] for row in rows])
batch = np.array([row["batch"] or row["group"] for row in rows])  # where no batch is known, the specimen

# %% [markdown]
# ## The probe
#
# Ridge regression on one-hot labels has a closed form: no learning rate, no epochs, the same result everywhere.


# %%
def accuracy(held_out):
    """Return the share of the held-out examples that a probe trained on the others labels rightly."""
    train = ~held_out
    seen = np.isin(labels, labels[train])  # a class without training cannot be learnt
    targets = np.eye(len(names))[labels[train]]
    gram = vectors[train].T @ vectors[train] + 1.0 * np.eye(vectors.shape[1])
    weights = np.linalg.solve(gram, vectors[train].T @ targets)
    scored = held_out & seen
    return float((np.argmax(vectors[scored] @ weights, axis=1) == labels[scored]).mean())


def held_out(units, seed, share=0.2):
    """Return a mask of the examples of a drawn share of the units."""
    distinct = np.unique(units)
    drawn = np.random.default_rng(seed).permutation(distinct)[: max(1, round(share * len(distinct)))]
    return np.isin(units, drawn)


# %%
scores = {}
for name, units in (("example", np.arange(len(rows))), ("group", group), ("batch", batch)):
    scores[name] = [accuracy(held_out(units, seed)) for seed in range(5)]
    print(f"held out by {name:8} {np.mean(scores[name]):.3f} ± {np.std(scores[name]):.3f}")
chance = np.bincount(labels).max() / len(labels)
print(f"the largest class alone would give {chance:.3f}")

# %%
assert np.mean(scores["example"]) > chance, "the features say nothing of the labels"
