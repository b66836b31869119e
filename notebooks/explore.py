# %% [markdown]
# # Explore a package with SQL and figures
#
# `metadata.parquet` holds every column of every example but the image, so SQL answers most questions without
# reading a pixel. Run it in the folder that holds the package `cytoimagenet` (after the demo: `cytoimagenet-demo`),
# with `duckdb` and `jupytext` installed: `jupytext --to ipynb explore.py`, or open it as a notebook.

# %%
import duckdb
import matplotlib.pyplot as plt

import cytoimagenet

PACKAGE = "cytoimagenet"
metadata = f"'{PACKAGE}/metadata.parquet'"

# %% [markdown]
# ## What is in it

# %%
classes = duckdb.sql(f"""
    select category, label, count(*) as examples, count(distinct idx) as images, count(distinct "group") as specimens,
           count(distinct dir_name) as sources, avg((split = 'validation')::int) as validation
    from {metadata} group by all order by category, label
""")
print(classes)

# %%
rows = classes.fetchall()
assert rows, "the package has classes"
figure, axes = plt.subplots(figsize=(7, 0.28 * len(rows) + 1), layout="constrained")
axes.barh([f"{row[1]} ({row[0]})" for row in rows], [row[2] for row in rows], color="#2f7fc1")
axes.invert_yaxis()
axes.set_xlabel("examples")

# %% [markdown]
# ## Why images were left out

# %%
print(
    duckdb.sql(f"select reason, dir_name, count(*) as n from '{PACKAGE}/rejects.parquet' group by all order by n desc")
)

# %% [markdown]
# ## Contrast by source and scale
#
# A crop's contrast is the range of the source image that it spans. Where sources differ much, a model can tell them
# apart by it.

# %%
contrast = duckdb.sql(f"select dir_name, scaling, contrast from {metadata} where contrast is not null").fetchnumpy()
names = sorted(set(contrast["dir_name"]))
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.boxplot([contrast["contrast"][contrast["dir_name"] == name] for name in names])
axes.set_xticks(range(1, len(names) + 1), names)
axes.set_ylabel("contrast")

# %% [markdown]
# ## The images behind a query
#
# Row *n* of `metadata` describes example *n* of `full`, which is read by index where it lies:

# %%
cells = cytoimagenet.open(PACKAGE, "full", "train")
blurred = duckdb.sql(f"""
    select file_row_number as row, label, sharpness from read_parquet({metadata}, file_row_number = true)
    where split = 'train' order by sharpness, row limit 8
""").fetchall()
figure, places = plt.subplots(1, len(blurred), figsize=(12, 2), layout="constrained")
for (row, label, _), axes in zip(blurred, places, strict=True):
    example = cells[row]
    assert cells.features["label"].int2str(example["label"]) == label
    axes.imshow(example["image"], cmap="gray")
    axes.set_title(label, fontsize=8)
    axes.axis("off")
