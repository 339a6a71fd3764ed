"""Every test here may ask for a scene."""

from tests.operations.scene import scene

__all__ = ["scene"]
