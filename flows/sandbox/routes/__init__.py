"""The sources' protocols over HTTP: one file a source, mounted under its name.

A module offers `routes(universe, night) -> list[Route]`. Nothing else is edited to add one.
"""
