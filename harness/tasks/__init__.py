"""Tasks: what a model is asked, on which rows, with which labels and instructions."""

from harness.tasks.load import load_task, load_tasks
from harness.tasks.schema import LabelSpec, TaskSpec
from harness.tasks.suites import suite_names, task_names
from harness.tasks.task import Task

__all__ = [
    "LabelSpec",
    "Task",
    "TaskSpec",
    "load_task",
    "load_tasks",
    "suite_names",
    "task_names",
]
