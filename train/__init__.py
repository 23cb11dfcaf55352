"""Teaching a net what good cloth looks like: teachers, models, rolls, one loop. Imports torch."""
