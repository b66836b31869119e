"""Execution of stages: tasks, artefacts and resuming.

Tasks run in processes or on a cluster; artefacts lie on any file system.
"""
