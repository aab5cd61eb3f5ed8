"""The experiments of the thesis' chapters 2 to 5, and some of ours, each a module to run.

``python -m proxiscope.experiments`` runs all of them at reduced scale, which takes minutes, and writes tables and
pictures into a folder; ``--scale full`` takes hours. ``python -m proxiscope.experiments.iris`` runs one, and prints a
table in Markdown beside the printed figures; ``--output FOLDER`` adds the picture, and ``--docs docs`` puts both into
docs/reproduction. ``--help`` tells what data it needs and how else to run it smaller. `catalogue` lists them.
"""
