"""What a training step says when it cannot go on."""


class Diverged(Exception):
    """The loss of a task is no number. `is_whole`: nothing has been stepped by it."""

    def __init__(self, task: str, loss: float, is_whole: bool) -> None:
        super().__init__(f"the loss of task {task} is {loss}")
        self.task, self.loss, self.is_whole = task, loss, is_whole
