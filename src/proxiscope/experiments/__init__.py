"""The experiments of the thesis' chapters 4 and 5, and one of ours, each a module to run.

``python -m proxiscope.experiments.iris`` prints a table in Markdown beside the printed figures; ``--output FOLDER``
adds the picture, and ``--docs docs`` puts both into docs/reproduction/learning.md. ``--help`` tells what data it needs
and how to run it smaller.
"""
