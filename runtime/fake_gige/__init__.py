"""A simulated GigE Vision line-scan camera: a process of its own that speaks GVCP and GVSP on UDP port 3956."""
