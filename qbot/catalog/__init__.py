"""qbot.yaml: services, environments, stages, who may do what. Secrets are in the settings.

Unknown keys are refused; every error names the file, the line and the key.
"""

from qbot.catalog.loading import load_catalog
from qbot.catalog.services import ServicePart
from qbot.catalog.whole import Catalog

__all__ = ["Catalog", "ServicePart", "load_catalog"]
