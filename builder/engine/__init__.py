"""How a stage runs: tasks in processes or on a cluster, artefacts on any file system, resume."""
