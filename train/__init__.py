"""Teaching a net what good cloth looks like: teachers, models, rolls, one loop. Imports torch."""

import os

# Torch's threads wait for each other many times a step. By default they spin while they do, and on a machine that
# has other work the one that is waited for does not get its core: a step took a hundred times as long. It must be
# said before torch is loaded; whoever sets the variable keeps their choice.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
