"""The database: models, migrations and repositories. Queries stand only here."""
