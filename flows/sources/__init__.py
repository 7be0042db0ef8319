"""One module a source; `flows.source.load_sources` lists this folder."""
