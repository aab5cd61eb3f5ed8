"""Demonstrations in a window: the thread they run in, their layers, their plot, and the choice of one."""
