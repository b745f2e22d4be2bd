"""Reading of image files, and what happens with those that cannot be used."""
