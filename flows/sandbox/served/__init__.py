"""What each source serves in a night, as data: one file a source, without any HTTP.

A module may offer `listings`, `metrics` and `quarantined`, each of `(universe, night)`: the truth
about a lake that harvested the source every night (see `flows.sandbox.truth`).
"""
