"""A model of faces that the tests of `lifelong predict` ask."""

from pathlib import Path

import pytest
from predict_photos import Finder, learn

from lifelong.use import predict


@pytest.fixture(scope="session")
def faces_model(tmp_path_factory) -> Path:
    """The folder of a finished experiment, its results in MODEL. Not to be changed."""
    return learn(tmp_path_factory.mktemp("faces"))


@pytest.fixture
def here(faces_model, monkeypatch) -> Path:
    """The same as the working directory, with a finder that knows where faces are."""
    monkeypatch.chdir(faces_model)
    monkeypatch.setattr(predict, "Detector", Finder)
    return faces_model
