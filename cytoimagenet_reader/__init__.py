"""The fast reader of CytoImageNet packages.

Its public names are those of the module ``cytoimagenet``. Importing this package imports nothing else, so that the
builder can use one module without loading the others.
"""

__version__ = "0.1.0"
