"""Views of shipped files in several dialects of SQL, with the derived metrics, generated from the catalogue."""
