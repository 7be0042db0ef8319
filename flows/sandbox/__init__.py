"""A loopback internet: the sources' own protocols, served from one seeded universe of papers."""
