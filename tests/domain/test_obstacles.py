import pytest

from qbot.domain.obstacles import Obstacle, obstacle


@pytest.mark.parametrize(
    ("message", "found", "words"),
    [
        pytest.param(
            "waiting for completion of hook batch/Job/db-migrate",
            Obstacle("completion of hook", "Job", "db-migrate"),
            "hook Job/db-migrate",
            id="hook",
        ),
        pytest.param(
            "waiting for completion of hook batch/Job/x and 1 more hooks",
            Obstacle("completion of hook", "Job", "x", 1),
            "hook Job/x and 1 more",
            id="hooks",
        ),
        pytest.param(
            "waiting for healthy state of apps/Deployment/x and 2 more resources",
            Obstacle("healthy state of", "Deployment", "x", 2),
            "Deployment/x and 2 more to become healthy",
            id="wave",
        ),
        pytest.param(
            "waiting for healthy state of /Service/x",
            Obstacle("healthy state of", "Service", "x"),
            "Service/x to become healthy",
            id="core-group",
        ),
        pytest.param(
            "waiting for deletion of apps/StatefulSet/x",
            Obstacle("deletion of", "StatefulSet", "x"),
            "StatefulSet/x to be deleted",
            id="deletion",
        ),
        pytest.param(
            "waiting for pruning confirmation of /PersistentVolumeClaim/x",
            Obstacle("pruning confirmation of", "PersistentVolumeClaim", "x"),
            "somebody to confirm that PersistentVolumeClaim/x may be pruned",
            id="pruning",
        ),
    ],
)
def test_a_message_is_taken_apart(message: str, found: Obstacle, words: str) -> None:
    assert obstacle(message) == found
    assert found.words == words


@pytest.mark.parametrize("message", ["", "one or more tasks are running", "waiting for Godot"])
def test_other_messages_name_no_obstacle(message: str) -> None:
    assert obstacle(message) is None
